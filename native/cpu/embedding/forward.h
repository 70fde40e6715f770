// Forward kernel: translate ids to rows, thousands at a time, then gather and pool with the rows to come prefetched.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/embedding/layout.h"
#include "cpu/embedding/internal_table.h"

namespace collide {

// Ids that may be read, though they are of no use, behind the last of a batch.
inline constexpr std::size_t kIdsPadding = 64;

// One feature's share of a batch. ids and weights are the whole batch's; offsets are this feature's [bags + 1].
struct PoolTask {
  const Feature* feature;
  const HashFunction* hashes;          // those of its hash functions that the batch is looked up by
  const InternalTable* const* tables;  // one per hash function
  std::uint32_t* rows;                 // [hash functions, indices] receives the row of each id; or null
  std::size_t indices;                 // of the whole batch
  const std::uint32_t* ids;            // [indices + kIdsPadding]
  const std::uint32_t* offsets;
  const float* weights;  // or null
  float* out;            // this feature's first column of bag 0
  std::size_t stride;    // floats from one bag's output to the next
  bool stream;           // write past the cache: whole 64-byte lines that nobody reads soon
};

// Pools bags [first, last). Bags are checked; cost: one pass over the ids, one row read per id and hash function.
// Sums run over the hash functions, then over the ids, in float32; in float64 for bags of more than kLongBag ids.
void pool_bags(const PoolTask& task, std::size_t first, std::size_t last);

}  // namespace collide
