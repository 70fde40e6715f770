#pragma once
namespace collide {
const char* gemm_library();
}
