// Gradients that need the looked-up rows themselves, as they were before the step: those of per-sample weights, and
// those of the factors of a product, where each row's gradient is the bag's times the other factors' rows. Not on the
// path of sum and concat without a weight gradient. Deterministic; cost: one read of each id's rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/embedding/layout.h"
#include "cpu/embedding/internal_table.h"

namespace collide {

// One feature's share of a batch, as in PoolTask, with the gradient of its output.
struct FactorTask {
  const Feature* feature;
  const HashFunction* hashes;  // as in PoolTask
  const InternalTable* const* tables;
  const std::uint32_t* ids;
  const std::uint32_t* offsets;  // this feature's [bags + 1]
  const float* weights;          // or null
  const float* gradient;         // this feature's first column of bag 0
  std::size_t stride;
};

// out[i] = d loss / d weight of the id at position i of the batch, for the ids of bags [first, last): the dot product
// of its bag's gradient and its combined row, times the bag's share for mean.
void weight_gradients(const FactorTask& task, std::size_t first, std::size_t last, float* out);

// For combine multiply and the ids of bags [first, last): out[h][k * dim ...] = the gradient of the row that hash
// function h gives the feature's k-th id, its weight and the bag's share included. out has one [ids, dim] per hash
// function.
void factor_gradients(const FactorTask& task, std::size_t first, std::size_t last, float* const* out);

}  // namespace collide
