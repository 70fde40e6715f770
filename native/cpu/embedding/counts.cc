// The part of CpuEmbedding that counts accesses: which of two places has the counts of a feature's ids, and when they
// are brought up to date.
#include <algorithm>
#include <utility>

#include "cpu/embedding/engine.h"
#include "cpu/support/thread_pool.h"

namespace collide {

std::vector<bool> CpuEmbedding::counting_tables(const EmbeddingLayout& layout) {
  std::vector<std::size_t> uses(layout.tables.size(), 0);
  for (const Feature& feature : layout.features) {
    for (const std::size_t table : feature.tables) ++uses[table];
  }
  std::vector<bool> counting(uses.size());
  // Whatever a batch is looked up by.
  const auto identity = [](const Feature& feature, std::size_t h) {
    const auto is = [&](const auto& hashes) { return hashes[h].is_identity(); };
    return is(feature.hashes) && std::ranges::all_of(feature.training_hashes, is);
  };
  for (const Feature& feature : layout.features) {
    for (std::size_t h = 0; h < feature.hashes.size() && feature.source == nullptr; ++h) {
      const std::size_t table = feature.tables[h];
      counting[table] = identity(feature, h) && uses[table] == 1 && trainable(layout.tables[table].precision);
      if (counting[table]) break;
    }
  }
  return counting;
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

void CpuEmbedding::read_counts(std::size_t f, std::uint64_t first, std::size_t count, std::uint32_t* out) {
  count_pending();
  if (const InternalTable* table = counting_table(f)) {
    for (std::size_t i = 0; i < count; ++i) out[i] = table->counter(first + i);
  } else {
    std::copy_n(counts_[f].totals() + first, count, out);
  }
}

void CpuEmbedding::write_counts(std::size_t f, std::uint64_t first, std::size_t count, const std::uint32_t* counts) {
  count_pending();
  if (const InternalTable* table = counting_table(f)) {
    for (std::size_t i = 0; i < count; ++i) table->counter(first + i) = counts[i];
  } else {
    std::copy_n(counts, count, counts_[f].totals() + first);
  }
}

EmbeddingEngine::Usage CpuEmbedding::usage() const {
  Usage usage = EmbeddingEngine::usage();
  for (const IdCounts& counts : counts_) usage.counts += counts.bytes();
  for (const InternalTable& table : tables_) usage.counts += table.counts ? table.rows * sizeof(std::uint32_t) : 0;
  return usage;
}

}  // namespace collide
