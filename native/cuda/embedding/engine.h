// What the addon sees of embedding tables on CUDA: no CUDA header in it, so that g++ compiles its users.
#pragma once

#include <cstdint>
#include <memory>

#include "core/embedding/engine.h"

namespace collide::cuda {

// Tables on CUDA device 0, after probe() has said that it can be used. Throws Error NOT_SUPPORTED for what the kernels
// cannot do, OUT_OF_MEMORY or CUDA_FAILED.
std::unique_ptr<EmbeddingEngine> make_embedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index,
                                                std::uint64_t seed, bool count_accesses);

}  // namespace collide::cuda
