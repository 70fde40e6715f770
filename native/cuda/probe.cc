#include <cuda_runtime.h>

#include <string>

#include "cuda/probe.cuh"

namespace collide::cuda {

CudaProbe probe() {
  // cudaGetDeviceCount says "insufficient driver" when there is no driver at all, so ask for the driver first.
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
    return {false, "no NVIDIA driver (libcuda) was found"};
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess) return {false, std::string("the CUDA runtime says: ") + cudaGetErrorString(status)};
  if (devices == 0) return {false, "the driver reports no CUDA device"};
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, 0) != cudaSuccess) return {false, "device 0 cannot be queried"};
  if (properties.major * 10 + properties.minor < 75) {
    return {false, std::string(properties.name) + " is older than compute capability 7.5"};
  }
  return {true, std::string(properties.name) + ", " + std::to_string(properties.totalGlobalMem >> 20) + " MiB"};
}

}  // namespace collide::cuda
