// The test kernel of the probe.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/support/portable.h"

namespace collide::cuda {

// What the kernel writes: values that depend on all of its inputs.
inline constexpr std::uint32_t kTestValues = 256;
COLLIDE_HD std::uint32_t test_value(std::uint32_t seed, std::uint32_t i) {
  return (seed ^ i) * 0x9e3779b1u + i;
}

// Starts it on the current device: values [kTestValues], in device memory.
cudaError_t launch_test(std::uint32_t* values, std::uint32_t seed);

}  // namespace collide::cuda
