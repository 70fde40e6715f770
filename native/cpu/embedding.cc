#include "cpu/embedding.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/multiversion.h"
#include "core/random.h"
#include "cpu/embedding_forward.h"
#include "cpu/row_codec.h"
#include "cpu/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kLeastBags = 256, kTasksPerThread = 16;  // of a task of forward
constexpr std::size_t kRowsPerTask = 1 << 16;
constexpr std::size_t kLeastWork = 1 << 16;
constexpr std::size_t kStreamed = std::size_t{8} << 20;  // bytes of output from which it is written past the cache
constexpr std::size_t kNone = ~std::size_t{0};
// A table's ids from which its backward may be split over threads when it is much of the batch, and in any case.
constexpr std::size_t kSplit = 1 << 15, kSplitAlways = 1 << 20;

// Copies indices [begin, end) to ids when all are below the cardinality; otherwise what it wrote is of no use. Every
// index is read once: a buffer shared with another thread may change under us.
template <typename T>
COLLIDE_INLINE bool copy_good(const T* indices, std::size_t begin, std::size_t end, std::uint64_t cardinality,
                              std::uint32_t* ids) {
  std::uint32_t bad = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const T index = indices[i];
    bad |= widened(index) >= cardinality;
    ids[i] = static_cast<std::uint32_t>(index);
  }
  return bad == 0;
}

// The common type, vectorised.
COLLIDE_MULTIVERSION
bool copy_good_u32(const std::uint32_t* indices, std::size_t begin, std::size_t end, std::uint32_t most,
                   std::uint32_t* ids) {
  std::uint32_t bad = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint32_t index = indices[i];
    bad |= index > most;
    ids[i] = index;
  }
  return bad == 0;
}

// Copies indices [begin, end) to ids, with replacements for those outside [0, cardinality); returns how many there were
// and, in `first`, the position of the first one.
template <typename T>
std::size_t copy_indices(const T* indices, std::size_t begin, std::size_t end, std::uint64_t cardinality,
                         BadIndex policy, std::uint32_t* ids, std::size_t& first) {
  if constexpr (std::is_same_v<T, std::uint32_t>) {
    if (copy_good_u32(indices, begin, end, static_cast<std::uint32_t>(cardinality - 1), ids)) return 0;
  } else {
    if (copy_good(indices, begin, end, cardinality, ids)) return 0;
  }
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
    case IntegerType::kU32:
      return body(static_cast<const std::uint32_t*>(batch.indices));
    case IntegerType::kI32:
      return body(static_cast<const std::int32_t*>(batch.indices));
    case IntegerType::kI64:
      return body(static_cast<const std::int64_t*>(batch.indices));
  }
}

// Which tables can count: those that a single hash function uses, by which the row of an id is the id. One per feature.
std::vector<bool> counting_tables(const EmbeddingLayout& layout) {
  std::vector<std::size_t> uses(layout.tables.size(), 0);
  for (const Feature& feature : layout.features) {
    for (const std::size_t table : feature.tables) ++uses[table];
  }
  std::vector<bool> counting(uses.size());
  for (const Feature& feature : layout.features) {
    for (std::size_t h = 0; h < feature.hashes.size(); ++h) {
      const std::size_t table = feature.tables[h];
      counting[table] = feature.hashes[h].kind == HashKind::kIdentity && uses[table] == 1 &&
                        trainable(layout.tables[table].precision);
      if (counting[table]) break;
    }
  }
  return counting;
}

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
  const float center = shape.init_center, scale = shape.init_scale;
  const bool zero = center == 0 && scale == 0;  // as fresh memory is
  const std::size_t chunks = zero ? 0 : (table.rows + kRowsPerTask - 1) / kRowsPerTask;
  parallel_for(chunks, threads_, [&](std::size_t chunk) {
    std::vector<float> row(table.width);
    const std::size_t end = std::min<std::size_t>(table.rows, (chunk + 1) * kRowsPerTask);
    for (std::size_t r = chunk * kRowsPerTask; r < end; ++r) {
      for (std::size_t j = 0; j < table.width; ++j) {
        row[j] = center + scale * (2 * uniform01(table_seed, r * table.width + j) - 1);
      }
      encode_rows(table.precision, row.data(), 1, table.width, table.row(static_cast<std::uint32_t>(r)));
    }
  });
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
  with_indices(batch, [&](auto* indices) {
    parallel_for(features, threads_for(batch.index_count / 8), [&](std::size_t f) {
      const std::size_t begin = offsets_[bags_[f].first_bag];
      bad[f] = copy_indices(indices, begin, begin + ids_of(f), layout_.features[f].cardinality, bad_index_, ids_.data(),
                            first[f]);
    });
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
  for (const Feature& feature : layout_.features) {
    const bool identity = feature.hashes.size() == 1 && feature.hashes[0].kind == HashKind::kIdentity;
    most = std::max(most, identity ? 0 : feature.hashes.size());
  }
  rows_.resize(std::max(rows_.size(), most * kept_indices_));
}

const std::uint32_t* CpuEmbedding::rows_of(std::size_t f, std::size_t h) const {
  const bool identity = layout_.features[f].hashes[h].kind == HashKind::kIdentity;
  return identity ? ids_.data() : rows_.data() + h * kept_indices_;
}

const InternalTable* CpuEmbedding::counting_table(std::size_t f) const {
  for (const InternalTable* table : feature_tables_[f]) {
    if (table->counts) return table;
  }
  return nullptr;
}

void CpuEmbedding::count_accesses(std::size_t f) {
  const std::uint32_t* ids = ids_.data() + offsets_[bags_[f].first_bag];
  if (const InternalTable* table = counting_table(f)) {
    count_rows(*table, ids, ids_of(f));
  } else {
    counts_[f].count(ids, ids_of(f));
  }
}

// Counts what forward left to a backward that has not come.
void CpuEmbedding::count_pending() {
  if (!std::exchange(pending_, false)) return;
  parallel_for(bags_.size(), threads_for(kept_indices_), [&](std::size_t f) {
    if (counting_table(f) != nullptr) count_accesses(f);
  });
}

void CpuEmbedding::pool(std::size_t f, std::size_t first, std::size_t last, const float* weights, bool stream,
                        bool keep, float* out) {
  const Feature& feature = layout_.features[f];
  const FeatureBags& bags = bags_[f];
  PoolTask task{&feature,
                feature_tables_[f].data(),
                keep ? rows_.data() : nullptr,
                kept_indices_,
                ids_.data(),
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
  take_bags(batch);
  const std::size_t replaced = take_indices(batch);
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

FactorTask CpuEmbedding::factor_task(std::size_t f, const float* gradient) {
  return {&layout_.features[f],
          feature_tables_[f].data(),
          ids_.data(),
          offsets_.data() + bags_[f].first_bag,
          weights_.empty() ? nullptr : weights_.data(),
          gradient + bags_[f].base,
          bags_[f].stride};
}

// The gradients of all factors, before any row is stepped.
void CpuEmbedding::make_factor_gradients(const float* gradient) {
  factor_offsets_.assign(bags_.size(), kNone);
  std::size_t size = 0;
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    const Feature& feature = layout_.features[f];
    if (feature.combine != Combine::kMultiply) continue;
    factor_offsets_[f] = size;
    size += ids_of(f) * feature.dim * feature.hashes.size();
  }
  if (size >= (1ull << 32)) {
    fail("INVALID_ARGUMENT", "Expected fewer than 2^32 gradients of factors (ids x dim x hash functions), received ",
         size);
  }
  factors_.resize(std::max(factors_.size(), size));
  parallel_for(bags_.size(), threads_for(size), [&](std::size_t f) {
    if (factor_offsets_[f] == kNone) return;
    std::vector<float*> out;
    for (std::size_t h = 0; h < layout_.features[f].hashes.size(); ++h) {
      out.push_back(factors_.data() + factor_offsets_[f] + h * ids_of(f) * layout_.features[f].dim);
    }
    factor_gradients(factor_task(f, gradient), 0, bags_[f].bags, out.data());
  });
}

// What each table learns, from all features that it serves.
std::vector<TableGradient> CpuEmbedding::table_gradients(const float* gradient) {
  std::vector<TableGradient> tasks;
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    tasks.push_back({&tables_[t],
                     optimizer_.kind,
                     mix64(seed_ ^ mix64(steps_ * tables_.size() + t)),
                     gradient,
                     pending_ && tables_[t].counts,
                     {}});
  }
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    const Feature& feature = layout_.features[f];
    const FeatureBags& bags = bags_[f];
    const bool factor = feature.combine == Combine::kMultiply;
    for (std::size_t h = 0; h < feature.hashes.size(); ++h) {
      TableGradient& task = tasks[feature.tables[h]];
      const std::size_t column = feature.combine == Combine::kConcat ? h * feature.table_width() : 0;
      GradientSource source{&feature,
                            rows_of(f, h),
                            offsets_.data() + bags.first_bag,
                            nullptr,
                            bags.bags,
                            bags.base + column,
                            bags.stride,
                            feature.pooling == Pooling::kNone ? feature.dim : 0,
                            factor};
      if (factor) {
        task.gradient = factors_.data();
        source.base = factor_offsets_[f] + h * ids_of(f) * feature.dim;
        source.position = feature.dim;
      } else {
        if (!weights_.empty()) source.weights = weights_.data();
        task.weighted = task.weighted || source.weights != nullptr || feature.pooling == Pooling::kMean;
      }
      task.n += ids_of(f);
      task.sources.push_back(source);
    }
  }
  return tasks;
}

void CpuEmbedding::backward(const float* gradient, float* weight_gradient) {
  kept_output();
  for (const TableShape& shape : layout_.tables) {
    if (!trainable(shape.precision)) {
      fail("NOT_SUPPORTED", "Expected rows of float32, float16 or bfloat16 to train table \"", shape.name,
           "\": int8 and int4 rows only serve");
    }
  }
  std::size_t ids = 0, work = 0;
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    ids += ids_of(f) * layout_.features[f].hashes.size();
    work += 2 * ids_of(f) * layout_.features[f].dim;
  }
  if (weight_gradient != nullptr) {
    parallel_for(bags_.size(), threads_for(work),
                 [&](std::size_t f) { weight_gradients(factor_task(f, gradient), 0, bags_[f].bags, weight_gradient); });
  }
  make_factor_gradients(gradient);
  kept_ = false;
  const OptimizerStep step(optimizer_, ++steps_);
  std::vector<TableGradient> tasks = table_gradients(gradient);
  pending_ = false;
  // A table of much more than a thread's share would keep one thread busy when the others are done. Split, it costs
  // more: several threads sort it, and its frequent rows are not summed apart.
  const unsigned threads = threads_for(work);
  const auto split = [&](const TableGradient& task) {
    const bool large = task.n > kSplitAlways || (task.n > kSplit && 4 * task.n > ids);
    return large && 4 * task.n * threads > 5 * ids;
  };
  for (const TableGradient& task : tasks) {
    if (split(task)) apply_gradient(task, step, threads_for(work));
  }
  std::erase_if(tasks, split);
  // Longest first, so that no thread is left with a long table at the end.
  std::stable_sort(tasks.begin(), tasks.end(), [](const auto& a, const auto& b) { return a.n > b.n; });
  parallel_for(tasks.size(), threads_for(work), [&](std::size_t task) { apply_gradient(tasks[task], step); });
}

void CpuEmbedding::read_values(std::size_t t, std::uint64_t first, std::size_t count, float* out) const {
  const InternalTable& table = tables_[t];
  decode_rows(table.precision, table.row(static_cast<std::uint32_t>(first)), count, table.width, out);
}

void CpuEmbedding::write_values(std::size_t t, const float* values) {
  InternalTable& table = tables_[t];
  const std::size_t bad = first_unrepresentable(table.precision, values, table.rows, table.width);
  if (bad < table.rows * table.width) {
    fail("INVALID_ARGUMENT", "Expected values that the table's precision can hold, received ", values[bad], " for row ",
         bad / table.width, ", column ", bad % table.width);
  }
  encode_rows(table.precision, values, table.rows, table.width, table.weights.as<std::uint8_t>());
}

void CpuEmbedding::read_rows(std::size_t t, std::uint8_t* out) const {
  std::copy_n(tables_[t].weights.as<std::uint8_t>(), tables_[t].weights.bytes(), out);
}

void CpuEmbedding::write_rows(std::size_t t, const std::uint8_t* rows) {
  std::copy_n(rows, tables_[t].weights.bytes(), tables_[t].weights.as<std::uint8_t>());
}

void CpuEmbedding::read_state(std::size_t t, float* out) const {
  const InternalTable& table = tables_[t];
  for (std::uint64_t row = 0; row < table.rows; ++row, out += table.state_per_row) {
    std::copy_n(table.state_of(row), table.state_per_row, out);
  }
}

void CpuEmbedding::write_state(std::size_t t, const float* state) {
  const InternalTable& table = tables_[t];
  for (std::uint64_t row = 0; row < table.rows; ++row, state += table.state_per_row) {
    std::copy_n(state, table.state_per_row, table.state_of(row));
  }
}

void CpuEmbedding::read_counts(std::size_t f, std::uint32_t* out) {
  count_pending();
  const std::uint64_t ids = layout_.features[f].cardinality;
  if (const InternalTable* table = counting_table(f)) {
    for (std::uint64_t id = 0; id < ids; ++id) out[id] = table->counter(id);
  } else {
    std::copy_n(counts_[f].totals(), ids, out);
  }
}

void CpuEmbedding::write_counts(std::size_t f, const std::uint32_t* counts) {
  count_pending();
  const std::uint64_t ids = layout_.features[f].cardinality;
  if (const InternalTable* table = counting_table(f)) {
    for (std::uint64_t id = 0; id < ids; ++id) table->counter(id) = counts[id];
  } else {
    std::copy_n(counts, ids, counts_[f].totals());
  }
}

EmbeddingEngine::Usage CpuEmbedding::usage() const {
  Usage usage = EmbeddingEngine::usage();
  for (const IdCounts& counts : counts_) usage.counts += counts.bytes();
  for (const InternalTable& table : tables_) usage.counts += table.counts ? table.rows * sizeof(std::uint32_t) : 0;
  return usage;
}

}  // namespace collide
