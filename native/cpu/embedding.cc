#include "cpu/embedding.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/error.h"
#include "core/random.h"
#include "cpu/embedding_forward.h"
#include "cpu/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kBagsPerTask = 256;
constexpr std::size_t kRowsPerTask = 1 << 16;
constexpr std::size_t kLeastWork = 1 << 16;
constexpr std::size_t kCache = 1 << 18;  // a gradient larger than this is not in the second-level cache
constexpr std::size_t kNone = ~std::size_t{0};

// Copies indices [begin, end) to ids, with replacements for those outside [0, cardinality); returns how many there were
// and, in `first`, the position of the first one. Every index is read once: a buffer shared with another thread may
// change under us.
template <typename T>
std::size_t copy_indices(const T* indices, std::size_t begin, std::size_t end, std::uint64_t cardinality,
                         BadIndex policy, std::uint32_t* ids, std::size_t& first) {
  std::size_t bad = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint64_t index = widened(indices[i]);
    if (index < cardinality) [[likely]] {
      ids[i] = static_cast<std::uint32_t>(index);
      continue;
    }
    if (bad++ == 0) first = i;
    ids[i] = replacement_id(policy, index, cardinality);
  }
  return bad;
}

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

// Positions of a batch are numbered in 32 bits.
void check_slots(const EmbeddingLayout& layout, std::size_t batch) {
  for (const Feature& feature : layout.features) {
    if (batch * feature.sequence_length > (1ull << 32)) {
      fail("INVALID_ARGUMENT", "Expected at most 2^32 positions (batch ", batch, " times sequence length ",
           feature.sequence_length, ") for feature \"", feature.name, "\"");
    }
  }
}

}  // namespace

CpuEmbedding::CpuEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index, std::uint64_t seed,
                           unsigned threads)
    : layout_(std::move(layout)), optimizer_(optimizer), bad_index_(bad_index), threads_(threads) {
  const std::size_t available = available_memory();
  for (std::size_t f = 0; f < layout_.features.size(); ++f) {
    const Feature& feature = layout_.features[f];
    first_table_.push_back(tables_.size());
    counts_.emplace_back(feature.cardinality * sizeof(std::uint32_t), "access counts");
    for (std::size_t hash = 0; hash < feature.hashes.size(); ++hash) add_table(f, hash, seed, available);
  }
  for (const InternalTable& table : tables_) weights_.push_back(table.weights.as<float>());
}

void CpuEmbedding::add_table(std::size_t f, std::size_t hash, std::uint64_t seed, std::size_t available) {
  const Feature& feature = layout_.features[f];
  const std::string what =
      "a table of " + std::to_string(feature.hashes[hash].rows) + " rows of feature \"" + feature.name + "\"";
  InternalTable table;
  table.rows = feature.hashes[hash].rows;
  table.width = feature.table_width();
  const std::size_t bytes = table.rows * table.width * sizeof(float);
  // The kernel hands out more memory than there is and kills whoever touches it: refuse before.
  const Usage held = usage();
  if (bytes > available || held.rows + held.optimizer > available - bytes) {
    fail("OUT_OF_MEMORY", "Could not allocate ", bytes, " bytes for ", what, ": ", available,
         " bytes of memory are available, and the tables before it hold ", held.rows + held.optimizer);
  }
  table.weights = Memory(bytes, what.c_str());
  table.state = Memory(table.rows * optimizer_.state_per_row(table.width) * sizeof(float), what.c_str());
  const std::uint64_t table_seed = mix64(seed ^ mix64(tables_.size() + 1));
  const float scale = feature.init_scale;
  const std::size_t chunks = scale == 0 ? 0 : (table.rows + kRowsPerTask - 1) / kRowsPerTask;  // fresh memory is zero
  parallel_for(chunks, threads_, [&](std::size_t chunk) {
    auto* weights = table.weights.as<float>();
    const std::size_t end = std::min<std::size_t>(table.rows, (chunk + 1) * kRowsPerTask) * table.width;
    for (std::size_t i = chunk * kRowsPerTask * table.width; i < end; ++i) {
      weights[i] = scale * (2 * uniform01(table_seed, i) - 1);
    }
  });
  tables_.push_back(std::move(table));
}

unsigned CpuEmbedding::threads_for(std::size_t work) const {
  return work < kLeastWork ? 1 : threads_;
}

// Fills ids_ with checked copies of the indices. Nothing is counted or kept before all of them are good.
void CpuEmbedding::take_indices(const BagBatch& batch) {
  ids_.resize(batch.index_count);
  const std::size_t features = layout_.features.size();
  std::vector<std::size_t> bad(features, 0), first(features, kNone);
  with_indices(batch, [&](auto* indices) {
    parallel_for(features, threads_for(batch.index_count), [&](std::size_t f) {
      bad[f] = copy_indices(indices, batch.offsets[f * batch.batch], batch.offsets[(f + 1) * batch.batch],
                            layout_.features[f].cardinality, bad_index_, ids_.data(), first[f]);
    });
  });
  if (bad_index_ == BadIndex::kError) {
    const std::size_t position = *std::min_element(first.begin(), first.end());
    if (position != kNone) fail_bad_index(layout_, batch, position);
  }
  bad_indices_ += std::accumulate(bad.begin(), bad.end(), std::size_t{0});
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
  const bool positions = feature.pooling == Pooling::kNone, scaled = !coefficients_.empty();
  for (std::size_t bag = 0; bag < batch_; ++bag) {
    const std::uint32_t begin = offsets_[f * batch_ + bag], end = offsets_[f * batch_ + bag + 1];
    const auto slot = static_cast<std::uint32_t>(bag * feature.sequence_length);
    const float share =
        feature.pooling == Pooling::kMean && end > begin ? 1.0f / static_cast<float>(end - begin) : 1.0f;
    for (std::uint32_t i = begin; i < end; ++i) {
      slots_[i] = slot + (positions ? i - begin : 0);
      if (scaled) coefficients_[i] = weights == nullptr ? share : weights[i] * share;
    }
  }
}

void CpuEmbedding::forward(const BagBatch& given, float* out, bool train) {
  kept_ = false;
  const std::size_t features = layout_.features.size();
  offsets_.assign(given.offsets, given.offsets + features * given.batch + 1);
  BagBatch batch = given;
  batch.offsets = offsets_.data();  // the copy is checked and used: a buffer shared with another thread may change
  check_offsets(layout_, batch);
  check_slots(layout_, batch.batch);
  take_indices(batch);
  batch_ = batch.batch;
  bool scaled = batch.weights != nullptr;
  std::size_t work = 0;
  for (std::size_t f = 0; f < features; ++f) {
    const Feature& feature = layout_.features[f];
    scaled = scaled || feature.pooling == Pooling::kMean;
    work += (offsets_[(f + 1) * batch_] - offsets_[f * batch_]) * feature.dim;
  }
  if (train) {
    slots_.resize(ids_.size());
    coefficients_.resize(scaled ? ids_.size() : 0);
  }

  const std::size_t stride = layout_.output_width;
  const std::size_t chunks = (batch_ + kBagsPerTask - 1) / kBagsPerTask;
  const std::size_t counting = train ? features : 0;  // these tasks first: they are the longest
  parallel_for(counting + features * chunks, threads_for(work), [&](std::size_t task) {
    if (task < counting) {
      count_accesses(task);
      keep_slots(task, batch.weights);
      return;
    }
    const std::size_t f = (task - counting) / chunks, chunk = (task - counting) % chunks;
    const Feature& feature = layout_.features[f];
    const std::size_t first = chunk * kBagsPerTask, last = std::min(batch_, first + kBagsPerTask);
    PoolTask pool{&feature,      weights_.data() + first_table_[f], ids_.data(), offsets_.data() + f * batch_,
                  batch.weights, out + layout_.output_offset[f],    stride};
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

std::size_t CpuEmbedding::kept_batch() const {
  if (!kept_) fail("NO_FORWARD", "Expected a successful training forward before each backward");
  return batch_;
}

void CpuEmbedding::backward(const float* gradient) {
  kept_batch();
  kept_ = false;
  std::vector<GradientTask> tasks;
  std::size_t scratch = 0, work = 0;
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
      task.scattered = batch_ * layout_.output_width * sizeof(float) > kCache;
      task.stride = layout_.output_width;
      task.sequence_length = feature.sequence_length;
      task.position_stride = feature.dim;
      tasks.push_back(task);
      scratch += 2 * task.n;
      work += 2 * task.n * task.table->width;
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
  parallel_for(tasks.size(), threads_for(work), [&](std::size_t task) { apply_gradient(tasks[task], optimizer_); });
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
