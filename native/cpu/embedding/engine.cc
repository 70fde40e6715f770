#include "cpu/embedding/engine.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "core/support/error.h"
#include "core/support/random.h"
#include "cpu/embedding/forward.h"
#include "cpu/embedding/index_copy.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kLeastBags = 256, kTasksPerThread = 16;  // of a task of forward
constexpr std::size_t kLeastWork = 1 << 16;
constexpr std::size_t kStreamed = std::size_t{8} << 20;  // bytes of output from which it is written past the cache
constexpr std::size_t kNone = ~std::size_t{0};

}  // namespace

CpuEmbedding::CpuEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index, std::uint64_t seed,
                           unsigned threads, bool count_accesses)
    : EmbeddingEngine(std::move(layout), optimizer, bad_index), seed_(seed), threads_(threads) {
  const std::size_t available = available_memory();
  const std::vector<bool> counting =
      count_accesses ? counting_tables(layout_) : std::vector<bool>(layout_.tables.size());
  for (std::size_t t = 0; t < layout_.tables.size(); ++t) add_table(layout_.tables[t], counting[t], seed, available);
  for (std::size_t f = 0; f < layout_.features.size(); ++f) {
    auto& tables = feature_tables_.emplace_back();
    for (const std::size_t table : layout_.features[f].tables) tables.push_back(&tables_[table]);
    if (count_accesses) counts_.emplace_back(counting_table(f) == nullptr ? layout_.features[f].cardinality : 0);
  }
  add_sources();
}

void CpuEmbedding::add_table(const TableShape& shape, bool counts, std::uint64_t seed, std::size_t available) {
  const std::string what = "table \"" + shape.name + "\" of " + std::to_string(shape.rows) + " rows";
  InternalTable table;
  table.rows = shape.rows;
  table.width = shape.width;
  table.precision = shape.precision;
  table.bytes_per_row = row_bytes(shape.precision, shape.width);
  table.state_per_row = state_per_row(tables_.size());
  table.counts = counts;
  const std::size_t bytes = table.rows * table.bytes_per_row;
  // The kernel hands out more memory than there is and kills whoever touches it: refuse before.
  std::size_t held = 0;
  for (const InternalTable& before : tables_) held += before.weights.bytes() + before.state.bytes();
  if (bytes > available || held > available - bytes) {
    fail("OUT_OF_MEMORY", "Could not allocate ", bytes, " bytes for ", what, ": ", available,
         " bytes of memory are available, and the tables before it hold ", held);
  }
  table.weights = Memory(bytes, what.c_str());
  table.state = Memory(table.rows * table.state_stride() * sizeof(float), what.c_str());
  const std::uint64_t table_seed = mix64(seed ^ mix64(tables_.size() + 1));
  table.draw_values(shape.init_center, shape.init_scale, table_seed, threads_);
  tables_.push_back(std::move(table));
}

unsigned CpuEmbedding::threads_for(std::size_t work) const {
  return work < kLeastWork ? 1 : threads_;
}

// Fills ids_ with checked copies of the indices. Nothing is counted or kept before all of them are good.
std::size_t CpuEmbedding::take_indices(const BagBatch& batch) {
  ids_.resize(kept_indices_ + kIdsPadding);
  const std::size_t features = layout_.features.size();
  std::vector<std::size_t> bad(features, 0), first(features, kNone);
  parallel_for(features, threads_for(batch.index_count / 8), [&](std::size_t f) {
    const std::size_t begin = offsets_[bags_[f].first_bag];
    bad[f] = copy_indices(batch, begin, begin + ids_of(f), layout_.features[f].cardinality, bad_index_, ids_.data(),
                          first[f]);
  });
  if (bad_index_ == BadIndex::kError) {
    const std::size_t position = *std::min_element(first.begin(), first.end());
    if (position != kNone) fail_bad_index(layout_, batch, bags_, offsets_, position);
  }
  const std::size_t replaced = std::accumulate(bad.begin(), bad.end(), std::size_t{0});
  bad_indices_ += replaced;
  return replaced;
}

// Backward need not ask the hash functions again.
void CpuEmbedding::make_room_for_rows() {
  std::size_t most = 0;
  for (std::size_t f = 0; f < layout_.features.size(); ++f) {
    const std::vector<HashFunction>& hashes = hashes_of(f);
    const bool identity = hashes.size() == 1 && hashes[0].is_identity();
    most = std::max(most, identity || layout_.features[f].source != nullptr ? 0 : hashes.size());
  }
  rows_.resize(std::max(rows_.size(), most * kept_indices_));
}

const std::uint32_t* CpuEmbedding::rows_of(std::size_t f, std::size_t h) const {
  const bool identity = hashes_of(f)[h].is_identity();
  return identity ? ids_.data() : rows_.data() + h * kept_indices_;
}

void CpuEmbedding::pool(std::size_t f, std::size_t first, std::size_t last, const float* weights, bool stream,
                        bool keep, float* out) {
  const Feature& feature = *pooled_[f];
  const FeatureBags& bags = bags_[f];
  PoolTask task{&feature,
                pooled_hashes(f),
                feature_tables_[f].data(),
                keep ? rows_.data() : nullptr,
                kept_indices_,
                pooled_ids(f),
                offsets_.data() + bags.first_bag,
                weights,
                out + bags.base,
                bags.stride,
                stream};
  if (feature.pooling != Pooling::kNone) return pool_bags(task, first, last);
  // A sequence is a row of bags of at most one id, dim columns apart.
  std::vector<std::uint32_t> positions(feature.sequence_length + 1);
  const std::uint32_t* offsets = task.offsets;
  for (std::size_t bag = first; bag < last; ++bag) {
    for (std::uint32_t i = 0; i <= feature.sequence_length; ++i) {
      positions[i] = std::min(offsets[bag] + i, offsets[bag + 1]);
    }
    task.offsets = positions.data();
    task.out = out + bags.base + bag * bags.stride;
    task.stride = feature.dim;
    pool_bags(task, 0, feature.sequence_length);
  }
}

std::size_t CpuEmbedding::forward(const BagBatch& batch, float* out, bool train) {
  count_pending();
  take_bags(batch, train);
  const std::size_t replaced = take_indices(batch);
  make_source_rows();
  if (train) make_room_for_rows();
  if (train) weights_.assign(batch.weights, batch.weights + (batch.weights == nullptr ? 0 : batch.index_count));

  struct Task {
    std::size_t feature, first, last;
  };
  std::vector<Task> tasks;
  std::size_t work = 0;
  // Long tasks, whose first reads alone are not under way early; how bags are cut does not change their sums.
  const std::size_t all = bags_.back().first_bag + bags_.back().bags;
  const unsigned threads = threads_ == 0 ? available_threads() : threads_;
  const std::size_t bags_per_task = std::max(kLeastBags, all / (threads * kTasksPerThread));
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    work += ids_of(f) * layout_.features[f].dim;
    for (std::size_t first = 0; first < bags_[f].bags; first += bags_per_task) {
      tasks.push_back({f, first, std::min(bags_[f].bags, first + bags_per_task)});
    }
  }
  // Whole lines only: a row of less than 64 bytes, or one that straddles lines, would write each line in parts.
  const auto streams = [&](std::size_t f) {
    const auto lines = [](std::size_t floats) { return floats % 16 == 0; };
    return output_size(layout_, bags_) * sizeof(float) > kStreamed && reinterpret_cast<std::uintptr_t>(out) % 64 == 0 &&
           lines(bags_[f].base) && lines(bags_[f].stride) && lines(layout_.features[f].table_width());
  };
  std::vector<std::size_t> counting;  // these first: they are the longest
  for (std::size_t f = 0; train && f < counts_.size(); ++f) {
    if (counting_table(f) == nullptr) counting.push_back(f);
  }
  parallel_for(counting.size() + tasks.size(), threads_for(work), [&](std::size_t i) {
    if (i < counting.size()) return count_accesses(counting[i]);
    const auto& [f, first, last] = tasks[i - counting.size()];
    pool(f, first, last, batch.weights, streams(f), train, out);
  });
  kept_ = train;
  pending_ = train && !counts_.empty();
  return replaced;
}

}  // namespace collide
