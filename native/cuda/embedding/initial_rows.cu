#include <algorithm>

#include "core/support/random.h"
#include "cuda/embedding/initial_rows.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

constexpr unsigned kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    initial_rows(float* rows, std::uint64_t count, std::uint64_t seed, float center, float scale) {
  const std::uint64_t stride = std::uint64_t{gridDim.x} * kThreads;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += stride) {
    rows[i] = center + scale * (2 * uniform01(seed, i) - 1);
  }
}

}  // namespace

void launch_initial_rows(float* rows, std::uint64_t count, std::uint64_t seed, float center, float scale,
                         cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(std::min<std::uint64_t>((count + kThreads - 1) / kThreads, 1 << 16));
  initial_rows<<<blocks, kThreads, 0, stream>>>(rows, count, seed, center, scale);
  check(cudaGetLastError(), "launch the initial values");
}

}  // namespace collide::cuda
