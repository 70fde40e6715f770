#include "cpu/embedding/source_batch.h"

#include <algorithm>

#include "core/support/error.h"
#include "core/support/gradients.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kIdsPerTask = 8192;
constexpr std::size_t kSplit = 1 << 15;  // ids from which the sum of their gradients is split over threads

}  // namespace

SourceBatch::SourceBatch(const EmbeddingLayout& layout, const SourceUse& use)
    : use_(use), gradients_(use.source->settings().tables.size()), ends_(2 * gradients_.size()) {
  for (const std::size_t f : use.features) {
    const Feature& feature = layout.features[f];
    Feature& pooled = features_.emplace_back();
    pooled.dim = feature.dim;
    pooled.pooling = feature.pooling;
    pooled.sequence_length = feature.sequence_length;
    pooled.hashes.emplace_back(IdentityHash(feature.cardinality));  // the ids are rows
  }
  for (InternalTable* table : {&rows_, &sums_}) {
    table->width = use.source->settings().dim;
    table->bytes_per_row = table->width * sizeof(float);
  }
}

void SourceBatch::clear(std::size_t ids) {
  ids_ = 0;
  entries_.resize(std::max(entries_.size(), 2 * ids));
}

void SourceBatch::add(const HashFunction& hash, const std::uint32_t* ids, std::size_t n, std::size_t position,
                      unsigned threads) {
  const auto pruned = static_cast<std::uint32_t>(use_.source->settings().rows);  // sorted behind all rows
  RowEntry* const entries = entries_.data() + ids_;
  parallel_for((n + kIdsPerTask - 1) / kIdsPerTask, threads, [&](std::size_t task) {
    const std::size_t first = task * kIdsPerTask, count = std::min(kIdsPerTask, n - first);
    std::vector<std::uint32_t> rows(count);
    hash.rows_of(ids + first, count, rows.data());
    for (std::size_t i = 0; i < count; ++i) {
      entries[first + i] = {std::min(rows[i], pruned), static_cast<std::uint32_t>(position + first + i)};
    }
  });
  ids_ += n;
}

// For the distinct rows; what the table held is gone.
void SourceBatch::make_room(InternalTable& table) {
  table.rows = distinct_.size();
  const std::size_t bytes = table.rows * table.bytes_per_row;
  if (bytes > table.weights.bytes()) table.weights = Memory(bytes, "the rows of a source in a batch");
}

void SourceBatch::make(const std::vector<SourceRows>& tables, std::uint32_t* slots, unsigned threads) {
  const auto pruned = static_cast<std::uint32_t>(use_.source->settings().rows);
  const RowEntry* sorted = sort_by_row(entries_.data(), entries_.data() + ids_, ids_, pruned, threads);
  distinct_.clear();
  for (std::size_t i = 0; i < ids_; ++i) {
    const auto& [row, position] = sorted[i];
    if (row < pruned && (distinct_.empty() || row != distinct_.back())) distinct_.push_back(row);
    slots[position] = row < pruned ? static_cast<std::uint32_t>(distinct_.size() - 1) : kPruned;
  }
  make_room(rows_);
  use_.source->make(tables.data(), distinct_.data(), distinct_.size(), rows_.weights.as<float>(), threads);
}

void SourceBatch::backward(const std::vector<SourceRows>& tables, TableGradient task, float most, unsigned threads) {
  // Plain descent at rate -1 from zeros leaves the sums themselves: 0 - (-1) * sum.
  const OptimizerSettings descent{embedding_optimizers::Sgd{0}, -1};
  make_room(sums_);
  std::fill_n(sums_.weights.as<float>(), sums_.rows * sums_.width, 0.0f);
  task.table = &sums_;
  const OptimizerStep step = descent.step(1);
  task.n > kSplit&& threads != 1 ? apply_gradient(task, step, threads) : apply_gradient(task, step);
  use_.source->backward(tables.data(), distinct_.data(), distinct_.size(), sums_.weights.as<float>(), gradients_.data(),
                        threads);
  for (std::size_t t = 0; t < gradients_.size(); ++t) {
    const auto& [rows, values] = gradients_[t];
    ends_[2 * t + 1] = static_cast<std::uint32_t>(rows.size());
    if (values.size() >= (1ull << 32)) {
      fail("INVALID_ARGUMENT", "Expected fewer than 2^32 gradients of the rows of source ",
           use_.source->settings().kind, " in a batch, received ", values.size());
    }
    if (gradients_fit(values.data(), values.size(), most)) continue;
    fail("INVALID_ARGUMENT", "Expected an output gradient that leaves gradients of at most ", most,
         " in size for the tables of source ", use_.source->settings().kind, ", received a larger one");
  }
}

void SourceBatch::add_gradient(std::size_t t, TableGradient& task) const {
  const auto& [rows, values] = gradients_[t];
  task.gradient = values.data();
  task.n = rows.size();
  task.sources.push_back({&features_[0], rows.data(), ends_.data() + 2 * t, nullptr, 1, 0, 0, task.table->width, true});
}

}  // namespace collide
