// The exact backward of all tables at once: expand the batch to (row, where its gradient is), sort by row, sum each
// row's gradients, step the optimizer once per row. The bits of cpu/embedding/backward.h: its sums in its order.
//
// Deterministic: the sort is stable, a row is summed and stepped by one group of threads in a fixed order. A row hit
// more than kFloatRun times is put on a list instead, is summed by as many blocks as it has pieces of kGradientPiece
// entries, and stepped by a warp of its own; the order of that list is by chance, but nothing depends on it. Cost: the
// sort (a pass over 8 bytes an entry per 8 bits of the number of rows), one read of each entry's gradient, one
// read-modify-write of each distinct row and its state.
//
// Asynchronous on `stream`; all pointers are device memory. Throw Error CUDA_FAILED when a launch is refused.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/embedding/optimizer.h"
#include "cuda/embedding/backward_plan.h"
#include "cuda/embedding/lookup_thread.h"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

struct ExpandArguments {
  const GradientSource* sources;
  const std::uint32_t* first_entry;  // [sources]
  std::uint32_t source_count;
  std::uint64_t entries;
  const DeviceTable* tables;
  const std::uint32_t* ids;
  const std::uint32_t* offsets;
  const float* weights;   // one per id, or null
  std::uint32_t* keys;    // [entries]
  std::uint32_t* values;  // [entries] where the gradient is; with terms the entry's own number
  uint2* terms;           // [entries] where the gradient is, and the bits of its coefficient; or null: no coefficients
};

struct LongRun {
  std::uint64_t sums;  // of its first piece, in args.sums
  std::uint32_t table, row, pieces;
};

struct Piece {
  std::uint64_t sums;
  std::uint32_t table, first, count;  // sorted entries
};

// How many of each are listed.
struct Listed {
  unsigned long long floats;
  std::uint32_t runs, pieces;
};

struct StepArguments {
  const SteppedTable* tables;
  const std::uint32_t* first_block;  // [tables + 1]
  std::uint32_t table_count;
  const std::uint32_t* keys;  // sorted
  const std::uint32_t* values;
  const uint2* terms;
  const float* loss;  // no row is stepped if it is not finite; or null
  Listed* listed;
  LongRun* runs;
  Piece* pieces;
  double* sums;
};

void launch_expand(const ExpandArguments& args, cudaStream_t stream);

// Stable; keys are below 2^bits.
void sort_entries(Scratch& scratch, const std::uint32_t* keys, std::uint32_t* sorted_keys, const std::uint32_t* values,
                  std::uint32_t* sorted_values, std::uint64_t count, int bits, cudaStream_t stream);
// Room for such a sort, which then allocates nothing. Throws Error OUT_OF_MEMORY.
void reserve_sort(Scratch& scratch, std::uint64_t count, int bits);

// plan: what the arguments were made from.
void launch_steps(const StepArguments& args, const OptimizerStep& step, const BackwardPlan& plan, cudaStream_t stream);

}  // namespace collide::cuda
