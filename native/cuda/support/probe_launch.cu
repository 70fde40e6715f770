#include "cuda/support/probe_launch.cuh"

namespace collide::cuda {

namespace {

__global__ void __launch_bounds__(kTestValues) write_test_values(std::uint32_t* values, std::uint32_t seed) {
  values[threadIdx.x] = test_value(seed, threadIdx.x);
}

}  // namespace

cudaError_t launch_test(std::uint32_t* values, std::uint32_t seed) {
  write_test_values<<<1, kTestValues>>>(values, seed);
  return cudaGetLastError();
}

}  // namespace collide::cuda
