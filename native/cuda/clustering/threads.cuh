// One thread for each id, cluster or part: how the kernels of the learners are launched.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

namespace collide::cuda {

constexpr unsigned kThreads = 256;  // of a block

inline unsigned blocks_for(std::size_t threads) {
  return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
}

__device__ inline std::size_t global_thread() {
  return std::size_t{blockIdx.x} * kThreads + threadIdx.x;
}

}  // namespace collide::cuda
