// A set of embedding tables that learns: what the CPU and the CUDA engine have in common. Both give the same bits, and
// the addon need not know which one it has.
//
// Exact: a row hit many times in a batch (by one id or by colliding ids, of one feature or of several that share a
// table) gets one summed gradient and one optimizer step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/embedding/batch_check.h"
#include "core/embedding/layout.h"
#include "core/embedding/optimizer.h"
#include "core/support/gradients.h"

namespace collide {

class EmbeddingEngine {
 public:
  struct Usage {
    // Bytes. `training_mapping`: of the training hashes, which serving does not need.
    std::size_t rows, mapping, training_mapping, optimizer, counts;
  };

  virtual ~EmbeddingEngine() = default;

  // Writes output_size(...) floats. `train` looks up by the training hashes of the batch's fold, keeps what backward
  // needs and counts accesses. Returns how many indices
  // were replaced. Throws Error INVALID_OFFSETS or INVALID_INDEX before anything is written or counted; a backward
  // cannot follow then.
  virtual std::size_t forward(const BagBatch& batch, float* out, bool train) = 0;

  // gradient: of the output of the last training forward. Updates the tables. weight_gradient, if not null: [indices],
  // d loss / d weight of each id. Throws Error NO_FORWARD; NOT_SUPPORTED for rows that only serve; INVALID_ARGUMENT
  // naming a gradient that does not fit (core/support/gradients.h). Nothing has changed then.
  virtual void backward(const float* gradient, float* weight_gradient = nullptr) = 0;

  // `count` rows of a table from row `first` on as float32, [count, width].
  virtual void read_values(std::size_t table, std::uint64_t first, std::size_t count, float* out) const = 0;
  // Throws Error INVALID_ARGUMENT for a value that the table's precision cannot hold.
  virtual void check_values(std::size_t table, std::uint64_t first, std::size_t count, const float* values) const = 0;
  // Rounded to nearest. Throws as check_values does, before anything is written.
  virtual void write_values(std::size_t table, std::uint64_t first, std::size_t count, const float* values) = 0;
  // Rows as they are stored (core/embedding/precision.h), and their optimizer state, [count, state_per_row].
  virtual void read_rows(std::size_t table, std::uint64_t first, std::size_t count, std::uint8_t* out) const = 0;
  virtual void write_rows(std::size_t table, std::uint64_t first, std::size_t count, const std::uint8_t* rows) = 0;
  virtual void read_state(std::size_t table, std::uint64_t first, std::size_t count, float* out) const = 0;
  virtual void write_state(std::size_t table, std::uint64_t first, std::size_t count, const float* state) = 0;
  // Of `count` ids, saturating at 2^32 - 1. Only when accesses are counted.
  virtual void read_counts(std::size_t feature, std::uint64_t first, std::size_t count, std::uint32_t* out) = 0;
  virtual void write_counts(std::size_t feature, std::uint64_t first, std::size_t count,
                            const std::uint32_t* counts) = 0;

  virtual Usage usage() const;

  // Frees the training hashes: training, too, is by the hash functions that serve then. A backward cannot follow.
  virtual void drop_training_hashes();

  const EmbeddingLayout& layout() const { return layout_; }
  OptimizerSettings& optimizer() { return optimizer_; }
  BadIndex bad_index() const { return bad_index_; }
  // Indices replaced since creation, because they were out of range.
  std::uint64_t bad_indices() const { return bad_indices_; }
  // Batches stepped so far: what the bias correction of the Adams counts.
  std::uint64_t steps() const { return steps_; }
  void set_steps(std::uint64_t steps) { steps_ = steps; }
  std::size_t state_per_row(std::size_t table) const;

  // Floats of the output, and indices, of the batch that backward goes back through. Throw Error NO_FORWARD.
  std::size_t kept_output() const;
  std::size_t kept_indices() const;
  // The largest gradient that backward takes.
  float most_gradient() const { return optimizer_.max_row_norm > 0 ? kMostClippedGradient : kMostGradient; }
  // A batch was refused before it came to forward: backward has nothing to go back through.
  void forget_forward() { kept_ = false; }

 protected:
  EmbeddingEngine(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index)
      : layout_(std::move(layout)), optimizer_(optimizer), bad_index_(bad_index) {}

  // Checks a batch and takes its bags and offsets. Throws Error INVALID_OFFSETS or INVALID_ARGUMENT.
  void take_bags(const BagBatch& batch, bool train);
  const std::vector<HashFunction>& hashes_of(std::size_t feature) const {
    return layout_.features[feature].hashes_of(view_);
  }
  std::size_t ids_of(std::size_t feature) const {
    return offsets_[bags_[feature].first_bag + bags_[feature].bags] - offsets_[bags_[feature].first_bag];
  }

  EmbeddingLayout layout_;
  OptimizerSettings optimizer_;
  BadIndex bad_index_;
  std::uint64_t bad_indices_ = 0, steps_ = 0;

  // The last batch. offsets_ is a checked copy: JavaScript's buffers are not touched after the call.
  HashView view_;
  std::vector<FeatureBags> bags_;
  std::vector<std::uint32_t> offsets_;
  std::size_t kept_indices_ = 0;
  bool kept_ = false;
};

}  // namespace collide
