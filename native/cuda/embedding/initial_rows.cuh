// The initial values of a table on the device: the bits of the CPU engine, from the same counter-based numbers.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace collide::cuda {

// rows[i] = uniform in [center - scale, center + scale), for i below count. Asynchronous on `stream`.
// Throws Error CUDA_FAILED when the launch is refused.
void launch_initial_rows(float* rows, std::uint64_t count, std::uint64_t seed, float center, float scale,
                         cudaStream_t stream);

}  // namespace collide::cuda
