// Exact backward of one internal table: sort the batch's (row, gradient) pairs by row, sum each row's gradients, step
// the optimizer once per row. Cost: the sort (one or more stable counting passes over the ids) plus one read of each
// id's gradient and one read-modify-write of each distinct row.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/hash_function.h"
#include "core/memory.h"

namespace collide {

enum class OptimizerKind : std::uint8_t { kSgd, kAdagrad, kRowwiseAdagrad };

struct OptimizerSettings {
  OptimizerKind kind = OptimizerKind::kRowwiseAdagrad;
  float learning_rate = 0.02f;
  float epsilon = 1e-8f;

  // Optimizer state values per table row of this width.
  std::size_t state_per_row(std::size_t width) const {
    return kind == OptimizerKind::kSgd ? 0 : kind == OptimizerKind::kAdagrad ? width : 1;
  }
};

struct InternalTable {
  std::uint64_t rows = 0;
  std::uint32_t width = 0;
  Memory weights;  // float [rows, width]
  Memory state;    // float [rows, state_per_row]
};

struct SortEntry {
  std::uint32_t row;
  std::uint32_t source;  // the id's position when coefficients are given, otherwise its slot
};

struct GradientTask {
  InternalTable* table;
  const HashFunction* hash;
  const std::uint32_t* ids;    // [n]
  const std::uint32_t* slots;  // [n]: bag * sequence_length + position
  const float* coefficients;   // [n]: per-sample weight, divided by the bag's length for mean; or null for all 1
  std::size_t n;
  const float* gradient;  // this table's first column of bag 0
  bool scattered;         // the batch's gradients exceed the cache: prefetch them
  std::size_t stride;     // floats from one bag to the next
  std::uint32_t sequence_length;
  std::size_t position_stride;  // floats from one position of a sequence to the next
  SortEntry* scratch;           // [2 * n]
};

void apply_gradient(const GradientTask& task, const OptimizerSettings& optimizer);

}  // namespace collide
