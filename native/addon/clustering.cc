#include "addon/addon.h"
namespace collide::addon {
void register_clustering(Napi::Env, Napi::Object) {}
}
