#include "addon/cuda.h"

#include "core/error.h"

#ifdef COLLIDE_CUDA
#include "cuda/lookup.h"
#include "cuda/probe.cuh"
#endif

namespace collide::addon {

#ifdef COLLIDE_CUDA
bool cuda_built() {
  return true;
}
CudaProbe probe_cuda() {
  return cuda::probe();
}
std::unique_ptr<LookupBackend> make_cuda_lookup(const EmbeddingLayout& layout, BadIndex policy) {
  const CudaProbe found = cuda::probe();
  if (!found.available) fail("CUDA_UNAVAILABLE", "Expected a usable CUDA device: ", found.reason);
  return cuda::make_lookup(layout, policy);
}
#else
bool cuda_built() {
  return false;
}
CudaProbe probe_cuda() {
  return {false, "this build of the addon has no CUDA kernels (cmake builds them where it finds nvcc)"};
}
std::unique_ptr<LookupBackend> make_cuda_lookup(const EmbeddingLayout&, BadIndex) {
  fail("CUDA_UNAVAILABLE", "Expected a usable CUDA device: ", probe_cuda().reason);
}
#endif

}  // namespace collide::addon
