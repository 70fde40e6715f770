// Forward kernel: translate ids to rows a thousand at a time, then gather and pool with the rows to come prefetched.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/embedding_layout.h"

namespace collide {

// One feature's share of a batch. ids and weights are the whole batch's; offsets are this feature's [batch + 1].
struct PoolTask {
  const Feature* feature;
  const float* const* tables;  // one per hash function, [rows, table_width]
  const std::uint32_t* ids;
  const std::uint32_t* offsets;
  const float* weights;  // or null
  float* out;            // this feature's first column of bag 0
  std::size_t stride;    // floats from one bag's output to the next
};

// Pools bags [first, last). Bags are checked; cost: one pass over the ids, one row read per id and hash function.
void pool_bags(const PoolTask& task, std::size_t first, std::size_t last);

}  // namespace collide
