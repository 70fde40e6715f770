// The CPU embedding engine: all tables of a model, one call forward and one backward per batch.
//
// Deterministic: every output element, every row and every count is computed by one task in one fixed order, so the
// bits do not depend on the number of threads. Exact: a row hit many times in a batch (by one id or by colliding ids)
// gets one summed gradient and one optimizer step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/batch_check.h"
#include "core/embedding_layout.h"
#include "core/memory.h"
#include "cpu/embedding_backward.h"

namespace collide {

class CpuEmbedding {
 public:
  struct Usage {
    std::size_t rows, mapping, optimizer, counts;  // bytes
  };

  CpuEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index, std::uint64_t seed,
               unsigned threads);

  const EmbeddingLayout& layout() const { return layout_; }

  // out: [batch, output_width]. `train` keeps what backward needs and counts accesses. Throws Error INVALID_OFFSETS or
  // INVALID_INDEX before anything is written or counted; a backward cannot follow then.
  void forward(const BagBatch& batch, float* out, bool train);

  // gradient: [batch, output_width] of the last training forward. Updates the tables. Throws Error NO_FORWARD.
  void backward(const float* gradient);
  // Bags per feature of the batch that backward goes back through. Throws Error NO_FORWARD.
  std::size_t kept_batch() const;
  // A lookup went to another engine: as after a forward without `train`, backward has nothing to go back through.
  void forget_forward() { kept_ = false; }

  OptimizerSettings& optimizer() { return optimizer_; }
  InternalTable& table(std::size_t feature, std::size_t hash) { return tables_[first_table_[feature] + hash]; }
  const std::uint32_t* counts(std::size_t feature) const { return counts_[feature].as<std::uint32_t>(); }
  std::uint64_t bad_indices() const { return bad_indices_; }
  Usage usage() const;

 private:
  void add_table(std::size_t feature, std::size_t hash, std::uint64_t seed, std::size_t available);
  // Threads for this many float additions: waking threads for less than they save would be slower.
  unsigned threads_for(std::size_t work) const;
  void take_indices(const BagBatch& batch);
  void count_accesses(std::size_t feature);
  void keep_slots(std::size_t feature, const float* weights);

  EmbeddingLayout layout_;
  OptimizerSettings optimizer_;
  BadIndex bad_index_;
  unsigned threads_;
  std::vector<InternalTable> tables_;
  std::vector<const float*> weights_;  // of each internal table
  std::vector<std::size_t> first_table_;
  std::vector<Memory> counts_;
  std::uint64_t bad_indices_ = 0;

  // The last batch. ids_ are checked copies: JavaScript's buffers are not touched after the call.
  std::vector<std::uint32_t> ids_, offsets_, slots_;
  std::vector<float> coefficients_;
  std::vector<SortEntry> scratch_;
  std::size_t batch_ = 0;
  bool kept_ = false;
};

}  // namespace collide
