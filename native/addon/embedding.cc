#include "addon/addon.h"
namespace collide::addon {
void register_embedding(Napi::Env, Napi::Object) {}
}
