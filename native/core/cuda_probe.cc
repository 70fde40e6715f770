#include "core/cuda_probe.h"

#ifdef COLLIDE_CUDA
#include "cuda/probe.cuh"
#endif

namespace collide {

#ifdef COLLIDE_CUDA
bool cuda_built() {
  return true;
}
CudaProbe probe_cuda() {
  return cuda::probe();
}
#else
bool cuda_built() {
  return false;
}
CudaProbe probe_cuda() {
  return {false, "this build of the addon has no CUDA kernels (nvcc was not found when it was built)"};
}
#endif

}  // namespace collide
