#include "cpu/embedding.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "core/error.h"
#include "core/random.h"
#include "cpu/embedding_forward.h"
#include "cpu/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kBagsPerTask = 256;
constexpr std::size_t kRowsPerTask = 1 << 16;
constexpr std::size_t kNone = ~std::size_t{0};

template <typename T>
struct IndexChecker {
  // Copies indices [begin, end) to ids; returns the position of the first one outside [0, cardinality), or kNone.
  static std::size_t copy(const T* indices, std::size_t begin, std::size_t end, std::uint64_t cardinality,
                          std::uint32_t* ids) {
    std::uint64_t largest = 0;  // a negative index becomes a huge one
    for (std::size_t i = begin; i < end; ++i) {
      largest = std::max(largest, static_cast<std::uint64_t>(static_cast<std::int64_t>(indices[i])));
      ids[i] = static_cast<std::uint32_t>(indices[i]);
    }
    if (largest < cardinality) return kNone;
    for (std::size_t i = begin;; ++i) {
      if (static_cast<std::uint64_t>(static_cast<std::int64_t>(indices[i])) >= cardinality) return i;
    }
  }
};

template <typename Body>
void with_indices(const BagBatch& batch, const Body& body) {
  switch (batch.index_type) {
    case BagBatch::IndexType::kU32:
      return body(static_cast<const std::uint32_t*>(batch.indices));
    case BagBatch::IndexType::kI32:
      return body(static_cast<const std::int32_t*>(batch.indices));
    case BagBatch::IndexType::kI64:
      return body(static_cast<const std::int64_t*>(batch.indices));
  }
}

}  // namespace

CpuEmbedding::CpuEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index, std::uint64_t seed,
                           unsigned threads)
    : layout_(std::move(layout)), optimizer_(optimizer), bad_index_(bad_index), threads_(threads) {
  for (const Feature& feature : layout_.features) {
    first_table_.push_back(tables_.size());
    counts_.emplace_back(feature.cardinality * sizeof(std::uint32_t), "access counts");
    for (const HashFunction& hash : feature.hashes) {
      const std::string what = "a table of " + std::to_string(hash.rows) + " rows of feature \"" + feature.name + "\"";
      InternalTable table;
      table.rows = hash.rows;
      table.width = feature.table_width();
      table.weights = Memory(table.rows * table.width * sizeof(float), what.c_str());
      table.state = Memory(table.rows * optimizer.state_per_row(table.width) * sizeof(float), what.c_str());
      const std::uint64_t table_seed = mix64(seed ^ mix64(tables_.size() + 1));
      const float scale = feature.init_scale;
      const std::size_t chunks = (table.rows + kRowsPerTask - 1) / kRowsPerTask;
      parallel_for(chunks, threads_, [&](std::size_t chunk) {
        auto* weights = table.weights.as<float>();
        const std::size_t end = std::min<std::size_t>(table.rows, (chunk + 1) * kRowsPerTask) * table.width;
        for (std::size_t i = chunk * kRowsPerTask * table.width; i < end; ++i) {
          weights[i] = scale * (2 * uniform01(table_seed, i) - 1);
        }
      });
      tables_.push_back(std::move(table));
    }
  }
}

void CpuEmbedding::check_offsets(const BagBatch& batch) const {
  const std::size_t bags = layout_.features.size() * batch.batch;
  const auto where = [&](std::size_t bag) {
    return "bag " + std::to_string(bag % batch.batch) + " of feature \"" + layout_.features[bag / batch.batch].name +
           "\"";
  };
  if (batch.offsets[0] != 0) fail("INVALID_OFFSETS", "Expected offsets to start at 0, received ", batch.offsets[0]);
  for (std::size_t bag = 0; bag < bags; ++bag) {
    const std::uint32_t begin = batch.offsets[bag], end = batch.offsets[bag + 1];
    if (end < begin)
      fail("INVALID_OFFSETS", "Expected offsets that never decrease, received ", begin, " then ", end, " for ",
           where(bag));
    if (end > batch.index_count) {
      fail("INVALID_OFFSETS", "Expected offsets up to ", batch.index_count, " (the number of indices), received ", end,
           " for ", where(bag));
    }
    const Feature& feature = layout_.features[bag / batch.batch];
    if (feature.pooling == Pooling::kNone && end - begin > feature.sequence_length) {
      fail("INVALID_OFFSETS", "Expected at most ", feature.sequence_length, " ids (the sequence length), received ",
           end - begin, " for ", where(bag));
    }
  }
  if (batch.offsets[bags] != batch.index_count) {
    fail("INVALID_OFFSETS", "Expected the last offset to be ", batch.index_count, " (the number of indices), received ",
         batch.offsets[bags]);
  }
}

// Fills ids_ with checked copies of the indices. Nothing is counted or kept before all of them are good.
void CpuEmbedding::take_indices(const BagBatch& batch) {
  ids_.resize(batch.index_count);
  std::atomic<std::uint64_t> bad{0};
  std::atomic<std::size_t> first_bad{kNone};
  with_indices(batch, [&](auto* indices) {
    using T = std::remove_cv_t<std::remove_pointer_t<decltype(indices)>>;
    parallel_for(layout_.features.size(), threads_, [&](std::size_t f) {
      const std::uint64_t cardinality = layout_.features[f].cardinality;
      std::size_t at = batch.offsets[f * batch.batch];
      const std::size_t end = batch.offsets[(f + 1) * batch.batch];
      while ((at = IndexChecker<T>::copy(indices, at, end, cardinality, ids_.data())) != kNone) {
        if (bad_index_ == BadIndex::kError) {
          std::size_t seen = first_bad.load();
          while (at < seen && !first_bad.compare_exchange_weak(seen, at)) {
          }
          return;
        }
        // Only the bad id is replaced; the scan goes on behind it.
        const bool negative = std::is_signed_v<T> && indices[at] < 0;
        ids_[at] = bad_index_ == BadIndex::kHash
                       ? mixed_row(static_cast<std::uint64_t>(indices[at]), mix64(0), cardinality)
                       : static_cast<std::uint32_t>(negative ? 0 : cardinality - 1);
        bad.fetch_add(1, std::memory_order_relaxed);
        ++at;
      }
    });
    if (const std::size_t at = first_bad.load(); at != kNone) {
      const std::size_t bags = layout_.features.size() * batch.batch;
      const std::size_t bag = std::upper_bound(batch.offsets, batch.offsets + bags + 1, at) - batch.offsets - 1;
      const Feature& feature = layout_.features[bag / batch.batch];
      fail("INVALID_INDEX", "Expected an id from 0 to ", feature.cardinality - 1, " for feature \"", feature.name,
           "\", received ", static_cast<std::int64_t>(indices[at]), " in bag ", bag % batch.batch, " (position ", at,
           " of the indices)");
    }
  });
  bad_indices_ += bad.load();
}

void CpuEmbedding::count_accesses(std::size_t feature) {
  auto* counts = counts_[feature].as<std::uint32_t>();
  for (std::size_t i = offsets_[feature * batch_]; i < offsets_[(feature + 1) * batch_]; ++i) {
    counts[ids_[i]] += counts[ids_[i]] != ~0u;
  }
}

// For backward: which output slot each id went to, and with which coefficient when not all are 1.
void CpuEmbedding::keep_slots(std::size_t f, const float* weights) {
  const Feature& feature = layout_.features[f];
  for (std::size_t bag = 0; bag < batch_; ++bag) {
    const std::uint32_t begin = offsets_[f * batch_ + bag], end = offsets_[f * batch_ + bag + 1];
    const auto slot = static_cast<std::uint32_t>(bag * feature.sequence_length);
    const bool positions = feature.pooling == Pooling::kNone;
    const float share =
        feature.pooling == Pooling::kMean && end > begin ? 1.0f / static_cast<float>(end - begin) : 1.0f;
    for (std::uint32_t i = begin; i < end; ++i) {
      slots_[i] = slot + (positions ? i - begin : 0);
      if (!coefficients_.empty()) coefficients_[i] = weights == nullptr ? share : weights[i] * share;
    }
  }
}

void CpuEmbedding::forward(const BagBatch& batch, float* out, bool train) {
  check_offsets(batch);
  kept_ = false;
  take_indices(batch);
  const std::size_t features = layout_.features.size();
  batch_ = batch.batch;
  offsets_.assign(batch.offsets, batch.offsets + features * batch_ + 1);
  bool scaled = batch.weights != nullptr;
  for (const Feature& feature : layout_.features) scaled = scaled || feature.pooling == Pooling::kMean;
  if (train) {
    slots_.resize(ids_.size());
    coefficients_.resize(scaled ? ids_.size() : 0);
  }

  const std::size_t stride = layout_.output_width;
  const std::size_t chunks = (batch_ + kBagsPerTask - 1) / kBagsPerTask;
  const std::size_t counting = train ? features : 0;  // these tasks first: they are the longest
  parallel_for(counting + features * chunks, threads_, [&](std::size_t task) {
    if (task < counting) {
      count_accesses(task);
      keep_slots(task, batch.weights);
      return;
    }
    const std::size_t f = (task - counting) / chunks, chunk = (task - counting) % chunks;
    const Feature& feature = layout_.features[f];
    std::vector<const float*> tables;
    for (std::size_t hash = 0; hash < feature.hashes.size(); ++hash)
      tables.push_back(table(f, hash).weights.as<float>());
    const std::size_t first = chunk * kBagsPerTask, last = std::min(batch_, first + kBagsPerTask);
    PoolTask pool{&feature,      tables.data(),
                  ids_.data(),   offsets_.data() + f * batch_,
                  batch.weights, out + layout_.output_offset[f],
                  stride};
    if (feature.pooling != Pooling::kNone) return pool_bags(pool, first, last);
    // A sequence is a row of bags of at most one id, dim columns apart.
    std::vector<std::uint32_t> positions(feature.sequence_length + 1);
    for (std::size_t bag = first; bag < last; ++bag) {
      const std::uint32_t begin = offsets_[f * batch_ + bag], end = offsets_[f * batch_ + bag + 1];
      for (std::uint32_t i = 0; i <= feature.sequence_length; ++i) positions[i] = std::min(begin + i, end);
      pool.offsets = positions.data();
      pool.out = out + layout_.output_offset[f] + bag * stride;
      pool.stride = feature.dim;
      pool_bags(pool, 0, feature.sequence_length);
    }
  });
  kept_ = train;
}

void CpuEmbedding::backward(const float* gradient) {
  if (!kept_) fail("NO_FORWARD", "Expected a training forward before each backward");
  kept_ = false;
  std::vector<GradientTask> tasks;
  std::size_t scratch = 0;
  for (std::size_t f = 0; f < layout_.features.size(); ++f) {
    const Feature& feature = layout_.features[f];
    const std::size_t begin = offsets_[f * batch_], end = offsets_[(f + 1) * batch_];
    for (std::size_t hash = 0; hash < feature.hashes.size(); ++hash) {
      GradientTask task{};
      task.table = &table(f, hash);
      task.hash = &feature.hashes[hash];
      task.ids = ids_.data() + begin;
      task.slots = slots_.data() + begin;
      const bool scaled = !coefficients_.empty();
      task.coefficients = scaled ? coefficients_.data() + begin : nullptr;
      task.n = end - begin;
      const std::size_t column = feature.combine == Combine::kConcat ? hash * feature.table_width() : 0;
      task.gradient = gradient + layout_.output_offset[f] + column;
      task.stride = layout_.output_width;
      task.sequence_length = feature.sequence_length;
      task.position_stride = feature.dim;
      tasks.push_back(task);
      scratch += 2 * task.n;
    }
  }
  scratch_.resize(std::max(scratch_.size(), scratch));
  SortEntry* next = scratch_.data();
  for (GradientTask& task : tasks) {
    task.scratch = next;
    next += 2 * task.n;
  }
  // Longest first, so that no thread is left with a long table at the end.
  std::stable_sort(tasks.begin(), tasks.end(), [](const auto& a, const auto& b) { return a.n > b.n; });
  parallel_for(tasks.size(), threads_, [&](std::size_t task) { apply_gradient(tasks[task], optimizer_); });
}

CpuEmbedding::Usage CpuEmbedding::usage() const {
  Usage usage{};
  for (const InternalTable& table : tables_) {
    usage.rows += table.weights.bytes();
    usage.optimizer += table.state.bytes();
  }
  for (const Feature& feature : layout_.features) {
    for (const HashFunction& hash : feature.hashes) usage.mapping += hash.mapping_bytes();
  }
  for (const Memory& counts : counts_) usage.counts += counts.bytes();
  return usage;
}

}  // namespace collide
