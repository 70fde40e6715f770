// What the addon sees of the CUDA k-means: no CUDA header in it, so that g++ compiles its users.
#pragma once

#include <vector>

#include "core/clustering/kmeans.h"

namespace collide::cuda {

// As cpu/clustering/kmeans.h, on CUDA device 0, with the same bits. Throws Error NOT_SUPPORTED, OUT_OF_MEMORY or
// CUDA_FAILED.
KmeansClustering kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                        const std::vector<std::uint32_t>& start, const KmeansOptions& options,
                        const LearnerControl& control);

}  // namespace collide::cuda
