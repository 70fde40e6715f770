// Exact backward of one internal table: sort the batch's (row, gradient) pairs by row, sum each row's gradients, step
// the optimizer once per row. Cost: the sort (row_sort.h), one read of each id's gradient, and one read-modify-write of
// each distinct row and its state. Of large batches the most frequent rows are not sorted (frequent_rows.h).
//
// Sums: 64 gradients at a time in float32, those sums in float64. A row's gradients are cut into pieces of 4,096, which
// may be summed by different threads: the same bits however many there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/embedding/layout.h"
#include "cpu/embedding/internal_table.h"
#include "cpu/embedding/row_optimizer.h"

namespace collide {

// The ids of one feature that one hash function sends to the table.
struct GradientSource {
  const Feature* feature;
  const std::uint32_t* rows;     // of each id of the whole batch, as forward found them
  const std::uint32_t* offsets;  // this feature's [bags + 1]
  const float* weights;          // the whole batch's, or null
  std::size_t bags;
  std::size_t base, stride;  // the columns of bag b begin at gradient[base + b * stride]; those of position p of a
  std::size_t position;      // sequence, or of the p-th id of a bag when per_id, position * p further on
  bool per_id;
};

// All that one table learns from a batch.
struct TableGradient {
  InternalTable* table;
  std::uint64_t random;  // of this table in this step: stochastic rounding
  const float* gradient;
  bool counts;  // adds the number of each row's gradients to its counter
  std::vector<GradientSource> sources;
  std::size_t n = 0;      // ids of all sources
  bool weighted = false;  // some gradient has a coefficient: a per-sample weight or the share of a mean
};

// Steps all rows that the batch hit, on the caller's thread.
void apply_gradient(const TableGradient& task, const OptimizerStep& step);
// The same bits, with one table's work split over threads: for tables that are much of the batch.
void apply_gradient(const TableGradient& task, const OptimizerStep& step, unsigned threads);

}  // namespace collide
