// The one door to the CUDA kernels: a build without them answers here, and the rest of the addon need not know.
#pragma once

#include <memory>
#include <vector>

#include "core/clustering/agglomeration.h"
#include "core/dense/net.h"
#include "core/embedding/engine.h"
#include "core/model/steps.h"
#include "core/support/cuda_probe.h"
#include "cpu/clustering/equal_mass.h"
#include "cpu/clustering/kmeans.h"

namespace collide::addon {

bool cuda_built();
CudaProbe probe_cuda();

// Embedding tables on the device. Throws Error CUDA_UNAVAILABLE with the probe's reason.
std::unique_ptr<EmbeddingEngine> make_cuda_embedding(EmbeddingLayout layout, OptimizerSettings optimizer,
                                                     BadIndex bad_index, std::uint64_t seed, bool count_accesses);

// A dense net on the device. Throws Error CUDA_UNAVAILABLE with the probe's reason.
std::unique_ptr<DenseNet> make_cuda_dense_net(const DenseNetConfig& config);

// Steps of tables and a net that were made above. Throws Error CUDA_UNAVAILABLE with the probe's reason.
std::unique_ptr<ModelSteps> make_cuda_model_steps(EmbeddingEngine& tables, DenseNet& net);

// Agglomeration on the device. Throws Error CUDA_UNAVAILABLE with the probe's reason.
Clustering cuda_agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                            const LearnerControl& control);

// Equal-mass bins on the device, of bin_masses(). Throws Error CUDA_UNAVAILABLE with the probe's reason.
std::vector<std::uint32_t> cuda_equal_mass_bins(const std::vector<double>& keys, const std::vector<double>& masses,
                                                std::uint64_t bins);

// A kd-tree on the device, of kd_tree_masses(). Throws Error CUDA_UNAVAILABLE with the probe's reason.
std::vector<std::uint32_t> cuda_kd_tree_cells(const std::vector<float>& points, std::size_t dim,
                                              const std::vector<double>& masses, std::uint64_t rows,
                                              const LearnerControl& control);

// k-means on the device. Throws Error CUDA_UNAVAILABLE with the probe's reason.
KmeansClustering cuda_kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                             const std::vector<std::uint32_t>& start, const KmeansOptions& options,
                             const LearnerControl& control);

}  // namespace collide::addon
