// Serving in another precision: the same features and hash functions, with every row rounded to the nearest values that
// the precision can hold, on the CPU. Cost: one pass over the rows and a copy of the mappings.
#pragma once

#include <memory>

#include "cpu/embedding/engine.h"

namespace collide {

// Neither counts nor optimizer state. Throws Error INVALID_ARGUMENT naming the first value that cannot be held,
// OUT_OF_MEMORY.
std::unique_ptr<CpuEmbedding> round_tables(const EmbeddingEngine& source, Precision precision, unsigned threads);

}  // namespace collide
