// The CPU embedding engine: all tables of a model, one call forward and one backward per batch.
//
// Deterministic: every output element, every row and every count is computed in one fixed order, so the bits do not
// depend on the number of threads. Exact: a row hit many times in a batch (by one id or by colliding ids, of one
// feature or of several that share a table) gets one summed gradient and one optimizer step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/batch_check.h"
#include "core/embedding_layout.h"
#include "core/memory.h"
#include "cpu/embedding_backward.h"
#include "cpu/embedding_factors.h"
#include "cpu/internal_table.h"

namespace collide {

class CpuEmbedding {
 public:
  struct Usage {
    std::size_t rows, mapping, optimizer, counts;  // bytes
  };

  // Throws Error OUT_OF_MEMORY saying for which table, and how many bytes.
  CpuEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index, std::uint64_t seed,
               unsigned threads, bool count_accesses = true);

  const EmbeddingLayout& layout() const { return layout_; }

  // Writes output_size(...) floats. `train` keeps what backward needs and counts accesses. Returns how many indices
  // were replaced. Throws Error INVALID_OFFSETS or INVALID_INDEX before anything is written or counted; a backward
  // cannot follow then.
  std::size_t forward(const BagBatch& batch, float* out, bool train);

  // gradient: of the output of the last training forward. Updates the tables. weight_gradient, if not null: [indices],
  // d loss / d weight of each id. Throws Error NO_FORWARD; NOT_SUPPORTED for rows that only serve.
  void backward(const float* gradient, float* weight_gradient = nullptr);
  // Floats of the output, and indices, of the batch that backward goes back through. Throw Error NO_FORWARD.
  std::size_t kept_output() const;
  std::size_t kept_indices() const;
  // A lookup went to another engine: as after a forward without `train`, backward has nothing to go back through.
  void forget_forward() { kept_ = false; }

  OptimizerSettings& optimizer() { return optimizer_; }
  // Batches stepped so far: what the bias correction of the Adams counts.
  std::uint64_t steps() const { return steps_; }
  void set_steps(std::uint64_t steps) { steps_ = steps; }

  BadIndex bad_index() const { return bad_index_; }
  unsigned threads() const { return threads_; }
  InternalTable& table(std::size_t index) { return tables_[index]; }
  InternalTable& table(std::size_t feature, std::size_t hash) {
    return tables_[layout_.features[feature].tables[hash]];
  }
  // A table's rows as float32, [rows, width]; writing rounds to nearest. Throws Error INVALID_ARGUMENT for a value that
  // the table's precision cannot hold.
  void read_rows(const InternalTable& table, float* out) const;
  void write_rows(InternalTable& table, const float* values) const;

  // [cardinality], saturating at 2^32 - 1; null when accesses are not counted. O(cardinality): brings them up to date.
  std::uint32_t* counts(std::size_t feature);
  std::uint64_t bad_indices() const { return bad_indices_; }
  Usage usage() const;

 private:
  void add_table(const TableShape& shape, std::uint64_t seed, std::size_t available);
  // Threads for this many float additions: waking threads for less than they save would be slower.
  unsigned threads_for(std::size_t work) const;
  std::size_t take_indices(const BagBatch& batch);
  void make_room_for_rows();
  const std::uint32_t* rows_of(std::size_t feature, std::size_t hash) const;
  void count_accesses(std::size_t feature);
  void pool(std::size_t feature, std::size_t first, std::size_t last, const float* weights, bool stream, bool keep,
            float* out);
  std::size_t ids_of(std::size_t feature) const;
  FactorTask factor_task(std::size_t feature, const float* gradient);
  std::vector<TableGradient> table_gradients(const float* gradient);
  void make_factor_gradients(const float* gradient);

  EmbeddingLayout layout_;
  OptimizerSettings optimizer_;
  BadIndex bad_index_;
  std::uint64_t seed_;
  unsigned threads_;
  bool count_accesses_;
  std::vector<InternalTable> tables_;
  std::vector<std::vector<const InternalTable*>> feature_tables_;
  std::vector<Memory> counts_;
  // The last up to 255 accesses of each id, a byte each: a quarter of the memory that counting touches. A full byte is
  // added to the id's count.
  std::vector<Memory> recent_;
  std::uint64_t bad_indices_ = 0, steps_ = 0;

  // The last batch. ids_, offsets_ and weights_ are checked copies: JavaScript's buffers are not touched after the
  // call.
  std::vector<FeatureBags> bags_;
  std::vector<std::uint32_t> ids_, offsets_;
  std::vector<std::uint32_t>
      rows_;  // of the ids, as forward found them: [hash functions][indices], identities left out
  std::size_t kept_indices_ = 0;
  std::vector<float> weights_;
  bool kept_ = false;

  std::vector<float> factors_;               // gradients of factors, feature after feature, hash after hash
  std::vector<std::size_t> factor_offsets_;  // of each feature; kNone unless its rows are multiplied
};

}  // namespace collide
