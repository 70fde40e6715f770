// The dense net on a CUDA device, for callers that are not CUDA code; see dense_net.cuh.
#pragma once

#include <memory>

#include "core/dense/net.h"

namespace collide::cuda {

// Throws Error INVALID_ARGUMENT, OUT_OF_MEMORY or CUDA_FAILED.
std::unique_ptr<DenseNet> make_dense_net(const DenseNetConfig& config);

}  // namespace collide::cuda
