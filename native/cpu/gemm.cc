#include "cpu/gemm.h"
namespace collide {
const char* gemm_library() { return "portable"; }
}
