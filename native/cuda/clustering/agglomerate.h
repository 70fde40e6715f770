// What the addon sees of the CUDA agglomeration: no CUDA header in it, so that g++ compiles its users.
#pragma once

#include <vector>

#include "core/clustering/agglomeration.h"

namespace collide::cuda {

// As cpu/clustering/agglomerate.h, on CUDA device 0, with the same bits. Throws Error INVALID_ARGUMENT, OUT_OF_MEMORY
// or CUDA_FAILED.
Clustering agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                       const LearnerControl& control);

}  // namespace collide::cuda
