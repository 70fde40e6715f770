#include "engine.h"

#include <algorithm>
#include <utility>

#include "core/support/error.h"
#include "core/support/random.h"
#include "cpu/support/thread_pool.h"

namespace collide::bench {

namespace {

HashFunction learned_hash(std::uint64_t height, std::uint64_t rows, std::uint64_t seed) {
  const unsigned bytes = rows <= 1u << 8 ? 1 : rows <= 1u << 16 ? 2 : rows <= 1u << 24 ? 3 : 4;
  std::vector<std::uint8_t> entries(height * bytes);
  for (std::uint64_t id = 0; id < height; ++id) {
    const std::uint32_t row = mixed_row(id, seed, rows);
    for (unsigned byte = 0; byte < bytes; ++byte)
      entries[id * bytes + byte] = static_cast<std::uint8_t>(row >> 8 * byte);
  }
  return TableHash::make(rows, 8 * bytes, entries.data(), entries.size(), height, "the benchmark");
}

HashFunction hash_of(const std::string& kind, std::uint64_t height, std::uint64_t shrink, std::uint64_t seed) {
  const std::uint64_t rows = std::max<std::uint64_t>(1, height / shrink);
  if (kind == "learned") return learned_hash(height, rows, seed);
  if (kind == "modulo") return ModuloHash(rows);
  return IdentityHash(height);
}

}  // namespace

Engine::Engine(const Workload& workload, const std::string& kind, bool counts, unsigned threads) : workload_(workload) {
  if (kind != "identity" && kind != "learned" && kind != "modulo") {
    fail("INVALID_ARGUMENT", "Expected engines identity, learned or modulo, received \"", kind, "\"");
  }
  const Shape& shape = workload.shape;
  std::vector<Feature> features(shape.tables);
  for (std::size_t t = 0; t < shape.tables; ++t) {
    features[t].name.append("f").append(std::to_string(t));
    features[t].cardinality = workload.heights[t];
    features[t].dim = static_cast<std::uint32_t>(shape.width);
    features[t].hashes.push_back(hash_of(kind, workload.heights[t], shape.shrink, mix64(shape.seed + t)));
  }
  const OptimizerSettings papers{embedding_optimizers::RowwiseAdagrad{.epsilon = 1e-8f, .weight_decay = 0}, 0.02f};
  tables_ = std::make_unique<CpuEmbedding>(EmbeddingLayout(std::move(features)), papers, BadIndex::kError, shape.seed,
                                           threads, counts);
  if (counts) return;
  constexpr std::size_t kChunk = 1 << 20;
  const std::vector<TableMemory> memory = this->memory();
  for (std::size_t t = 0; t < shape.tables; ++t) {
    const std::size_t elements = tables_->table(t, 0).rows * shape.width;
    parallel_for((elements + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
      const std::size_t end = std::min(elements, (chunk + 1) * kChunk);
      for (std::size_t i = chunk * kChunk; i < end; ++i) memory[t].weights[i] = initial_weight(t, i);
    });
  }
}

void Engine::swap_rows(Engine& other) {
  for (std::size_t t = 0; t < workload_.shape.tables; ++t) {
    std::swap(tables_->table(t, 0).weights, other.tables_->table(t, 0).weights);
  }
}

std::vector<TableMemory> Engine::memory() {
  std::vector<TableMemory> all;
  for (std::size_t t = 0; t < workload_.shape.tables; ++t) {
    const InternalTable& table = tables_->table(t, 0);
    all.push_back({table.weights.as<float>(), table.state.as<float>()});
  }
  return all;
}

RowList Engine::rows(std::size_t batch) const {
  const Shape& shape = workload_.shape;
  RowList list{std::vector<std::uint32_t>(shape.ids()), {0}};
  for (std::size_t t = 0; t < shape.tables; ++t) {
    const std::size_t begin = t * shape.ids_per_table();
    tables_->layout().features[t].hashes[0].rows_of(workload_.ids[batch].data() + begin, shape.ids_per_table(),
                                                    list.rows.data() + begin);
    list.starts.push_back(begin + shape.ids_per_table());
  }
  return list;
}

RowList Engine::distinct_rows(std::size_t batch) const {
  const RowList all = rows(batch);
  RowList list{{}, {0}};
  for (std::size_t t = 0; t + 1 < all.starts.size(); ++t) {
    std::vector<bool> seen(tables_->layout().features[t].hashes[0].rows);
    for (std::size_t i = all.starts[t]; i < all.starts[t + 1]; ++i) seen[all.rows[i]] = true;
    for (std::size_t row = 0; row < seen.size(); ++row) {
      if (seen[row]) list.rows.push_back(static_cast<std::uint32_t>(row));
    }
    list.starts.push_back(list.rows.size());
  }
  return list;
}

BagBatch Engine::bags(std::size_t batch) const {
  BagBatch bags;
  bags.indices = workload_.ids[batch].data();
  bags.index_count = workload_.ids[batch].size();
  bags.offsets = workload_.offsets.data();
  bags.batch = workload_.shape.batch;
  return bags;
}

}  // namespace collide::bench
