// Four floats at a time from memory that the launch does not write.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace collide::cuda {

// Whether rows that start at `data`, `pitch` floats apart, all begin at a multiple of 16 bytes.
inline bool rows_aligned(const float* data, std::size_t pitch) {
  return pitch % 4 == 0 && reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

// The first of four floats, zeros past `left`; one 128-bit load where `aligned` says that the address allows it.
__device__ __forceinline__ float4 load4(const float* from, std::int32_t left, bool aligned) {
  if (aligned && left >= 4) return __ldg(reinterpret_cast<const float4*>(from));
  float4 value = {0, 0, 0, 0};
  if (left > 0) value.x = __ldg(from);
  if (left > 1) value.y = __ldg(from + 1);
  if (left > 2) value.z = __ldg(from + 2);
  if (left > 3) value.w = __ldg(from + 3);
  return value;
}

}  // namespace collide::cuda
