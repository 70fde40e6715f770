#include "addon/cuda.h"

#include <utility>

#include "core/error.h"

#ifdef COLLIDE_CUDA
#include "cuda/agglomerate.h"
#include "cuda/embedding.h"
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
void need_device() {
  const CudaProbe found = cuda::probe();
  if (!found.available) fail("CUDA_UNAVAILABLE", "Expected a usable CUDA device: ", found.reason);
}
std::unique_ptr<EmbeddingEngine> make_cuda_embedding(EmbeddingLayout layout, OptimizerSettings optimizer,
                                                     BadIndex bad_index, std::uint64_t seed, bool count_accesses) {
  need_device();
  return cuda::make_embedding(std::move(layout), optimizer, bad_index, seed, count_accesses);
}
Clustering cuda_agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                            const AgglomerateControl& control) {
  need_device();
  return cuda::agglomerate(std::move(values), std::move(counts), options, control);
}
#else
bool cuda_built() {
  return false;
}
CudaProbe probe_cuda() {
  return {false, "this build of the addon has no CUDA kernels (cmake builds them where it finds nvcc)"};
}
std::unique_ptr<EmbeddingEngine> make_cuda_embedding(EmbeddingLayout, OptimizerSettings, BadIndex, std::uint64_t,
                                                     bool) {
  fail("CUDA_UNAVAILABLE", "Expected a usable CUDA device: ", probe_cuda().reason);
}
Clustering cuda_agglomerate(std::vector<double>, std::vector<double>, const AgglomerateOptions&,
                            const AgglomerateControl&) {
  fail("CUDA_UNAVAILABLE", "Expected a usable CUDA device: ", probe_cuda().reason);
}
#endif

}  // namespace collide::addon
