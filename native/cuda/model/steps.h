// Training steps that stay on a CUDA device, for callers that are not CUDA code; see model_steps.cc.
#pragma once

#include <memory>

#include "core/model/steps.h"

namespace collide::cuda {

// Of tables and a net that make_embedding() and make_dense_net() made; both must outlive it. Throws Error NOT_SUPPORTED
// for others, OUT_OF_MEMORY or CUDA_FAILED.
std::unique_ptr<ModelSteps> make_model_steps(EmbeddingEngine& tables, DenseNet& net);

}  // namespace collide::cuda
