#include "addon/cuda.h"

#include <utility>

#include "core/support/error.h"

#ifdef COLLIDE_CUDA
#include "cuda/clustering/agglomerate.h"
#include "cuda/clustering/equal_mass.h"
#include "cuda/clustering/kd_tree.h"
#include "cuda/clustering/kmeans.h"
#include "cuda/dense/net.h"
#include "cuda/embedding/engine.h"
#include "cuda/model/steps.h"
#include "cuda/support/probe.cuh"
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
std::unique_ptr<DenseNet> make_cuda_dense_net(const DenseNetConfig& config) {
  need_device();
  return cuda::make_dense_net(config);
}
std::unique_ptr<ModelSteps> make_cuda_model_steps(EmbeddingEngine& tables, DenseNet& net) {
  need_device();
  return cuda::make_model_steps(tables, net);
}
Clustering cuda_agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                            const LearnerControl& control) {
  need_device();
  return cuda::agglomerate(std::move(values), std::move(counts), options, control);
}
std::vector<std::uint32_t> cuda_equal_mass_bins(const std::vector<double>& keys, const std::vector<double>& masses,
                                                std::uint64_t bins) {
  need_device();
  return cuda::equal_mass_bins(keys, masses, bins);
}
std::vector<std::uint32_t> cuda_kd_tree_cells(const std::vector<float>& points, std::size_t dim,
                                              const std::vector<double>& masses, std::uint64_t rows,
                                              const LearnerControl& control) {
  need_device();
  return cuda::kd_tree_cells(points, dim, masses, rows, control);
}
KmeansClustering cuda_kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                             const std::vector<std::uint32_t>& start, const KmeansOptions& options,
                             const LearnerControl& control) {
  need_device();
  return cuda::kmeans(points, dim, counts, start, options, control);
}
#else
bool cuda_built() {
  return false;
}
CudaProbe probe_cuda() {
  CudaProbe probe;
  probe.reason = "this build of the addon has no CUDA kernels (cmake builds them where it finds nvcc)";
  probe.launch = "not made";
  return probe;
}
[[noreturn]] void need_device() {
  fail("CUDA_UNAVAILABLE", "Expected a usable CUDA device: ", probe_cuda().reason);
}
std::unique_ptr<EmbeddingEngine> make_cuda_embedding(EmbeddingLayout, OptimizerSettings, BadIndex, std::uint64_t,
                                                     bool) {
  need_device();
}
std::unique_ptr<DenseNet> make_cuda_dense_net(const DenseNetConfig&) {
  need_device();
}
std::unique_ptr<ModelSteps> make_cuda_model_steps(EmbeddingEngine&, DenseNet&) {
  need_device();
}
Clustering cuda_agglomerate(std::vector<double>, std::vector<double>, const AgglomerateOptions&,
                            const LearnerControl&) {
  need_device();
}
std::vector<std::uint32_t> cuda_equal_mass_bins(const std::vector<double>&, const std::vector<double>&, std::uint64_t) {
  need_device();
}
std::vector<std::uint32_t> cuda_kd_tree_cells(const std::vector<float>&, std::size_t, const std::vector<double>&,
                                              std::uint64_t, const LearnerControl&) {
  need_device();
}
KmeansClustering cuda_kmeans(const std::vector<float>&, std::size_t, const std::vector<double>&,
                             const std::vector<std::uint32_t>&, const KmeansOptions&, const LearnerControl&) {
  need_device();
}
#endif

}  // namespace collide::addon
