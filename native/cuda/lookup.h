// What the addon sees of the CUDA lookups: no CUDA header in it, so that g++ compiles its users.
#pragma once

#include <memory>

#include "core/batch_check.h"
#include "core/lookup_backend.h"

namespace collide::cuda {

// Lookups on CUDA device 0, after probe() has said that it can be used. Keeps a reference to the layout.
// Throws Error OUT_OF_MEMORY or CUDA_FAILED.
std::unique_ptr<LookupBackend> make_lookup(const EmbeddingLayout& layout, BadIndex policy);

}  // namespace collide::cuda
