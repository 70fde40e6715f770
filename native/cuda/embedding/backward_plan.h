// What backward does with a batch, in plain data for the kernels: where the gradients of every table come from, and
// which blocks step which table. Made on the host.
//
// An entry is one (id, hash function) pair. A table's entries follow each other, in the order in which the CPU engine
// takes them: features, their hash functions, bags, ids. Keys number all rows of all tables, and one more per table for
// its pruned ids, so that a stable sort by key leaves every table's entries in their place and the rows of each in
// order.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/embedding/layout.h"
#include "core/support/error.h"
#include "cuda/embedding/lookup_plan.h"

namespace collide::cuda {

constexpr std::uint32_t kEntriesPerBlock = 256;
constexpr std::uint32_t kSharedFloats = 8192;  // sums of rows that a block has room for
constexpr std::uint32_t kWidestRow = kSharedFloats;

// The ids of one feature that one hash function sends to a table.
struct GradientSource {
  std::uint32_t hash;      // in the list of all hash functions
  std::uint32_t first_id;  // position in the batch
  std::uint64_t first_bag, bags;
  std::uint64_t base, stride;  // the columns of bag b begin at gradient[base + b * stride]; those of position p of a
  std::uint32_t position;      // sequence, or of the p-th id of the source when per_id, position * p further on
  bool per_id, mean;
  std::uint32_t first_key, pruned_key;  // of its table
};

struct SteppedTable {
  float* weights;  // [rows, width]
  float* state;    // [rows, values of state per row]
  const float* gradient;
  std::uint32_t first_key, pruned_key;
  std::uint32_t first_entry, entries;
  std::uint32_t width, pack;
  bool aligned_gradient, aligned_state;  // every pack of it starts at a multiple of its size
};

struct BackwardPlan {
  std::vector<GradientSource> sources;
  std::vector<std::uint32_t> first_entry;  // [sources]
  std::vector<SteppedTable> tables;        // those that the batch hits
  std::vector<std::uint32_t> first_block;  // [tables + 1] of kEntriesPerBlock sorted entries each
  std::uint64_t entries = 0;
  bool weighted = false;  // some gradient has a coefficient: a per-sample weight or the share of a mean
  // Most runs longer than kFloatRun entries, and floats of their rows.
  std::uint64_t long_runs = 0, long_floats = 0;
  std::uint32_t widest = 1;
};

// Threads that step one row together: at least eight, of one warp.
COLLIDE_HD std::uint32_t lanes_of_row(std::uint32_t width, std::uint32_t pack) {
  return width <= 8 * pack ? 8 : width <= 16 * pack ? 16 : 32;
}

// Rows that a block of kBlockThreads has in hand at a time: as many as there are threads and shared memory for.
COLLIDE_HD std::uint32_t rows_at_once(std::uint32_t width, std::uint32_t lanes) {
  const std::uint32_t fit = kSharedFloats / width, most = kBlockThreads / lanes;
  return fit < most ? fit : most;
}

}  // namespace collide::cuda
