// The one door to the CUDA kernels: a build without them answers here, and the rest of the addon need not know.
#pragma once

#include <memory>
#include <vector>

#include "core/agglomeration.h"
#include "core/batch_check.h"
#include "core/cuda_probe.h"
#include "core/dense_net.h"
#include "core/lookup_backend.h"

namespace collide::addon {

bool cuda_built();
CudaProbe probe_cuda();

// Lookups on the device. Keeps a reference to the layout. Throws Error CUDA_UNAVAILABLE with the probe's reason.
std::unique_ptr<LookupBackend> make_cuda_lookup(const EmbeddingLayout& layout, BadIndex policy);

// A dense net on the device. Throws Error CUDA_UNAVAILABLE with the probe's reason.
std::unique_ptr<DenseNet> make_cuda_dense_net(const DenseNetConfig& config);

// Agglomeration on the device. Throws Error CUDA_UNAVAILABLE with the probe's reason.
Clustering cuda_agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                            const AgglomerateControl& control);

// Equal-mass bins on the device, of bin_masses(). Throws Error CUDA_UNAVAILABLE with the probe's reason.
std::vector<std::uint32_t> cuda_equal_mass_bins(const std::vector<double>& keys, const std::vector<double>& masses,
                                                std::uint64_t bins);

}  // namespace collide::addon
