// The CPU embedding engine: all tables of a model, one call forward and one backward per batch.
//
// Deterministic: every output element, every row and every count is computed in one fixed order, so the bits do not
// depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/embedding/engine.h"
#include "cpu/embedding/backward.h"
#include "cpu/embedding/factors.h"
#include "cpu/embedding/id_counts.h"
#include "cpu/embedding/internal_table.h"
#include "cpu/embedding/source_batch.h"

namespace collide {

class CpuEmbedding final : public EmbeddingEngine {
 public:
  // Throws Error OUT_OF_MEMORY saying for which table, and how many bytes.
  CpuEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index, std::uint64_t seed,
               unsigned threads, bool count_accesses = true);

  std::size_t forward(const BagBatch& batch, float* out, bool train) override;
  void backward(const float* gradient, float* weight_gradient = nullptr) override;

  void read_values(std::size_t table, std::uint64_t first, std::size_t count, float* out) const override {
    tables_[table].read_values(first, count, out);
  }
  void check_values(std::size_t table, std::uint64_t first, std::size_t count, const float* values) const override {
    tables_[table].check_values(first, count, values);
  }
  void write_values(std::size_t table, std::uint64_t first, std::size_t count, const float* values) override {
    tables_[table].write_values(first, count, values);
  }
  void read_rows(std::size_t table, std::uint64_t first, std::size_t count, std::uint8_t* out) const override {
    tables_[table].read_rows(first, count, out);
  }
  void write_rows(std::size_t table, std::uint64_t first, std::size_t count, const std::uint8_t* rows) override {
    tables_[table].write_rows(first, count, rows);
  }
  void read_state(std::size_t table, std::uint64_t first, std::size_t count, float* out) const override {
    tables_[table].read_state(first, count, out);
  }
  void write_state(std::size_t table, std::uint64_t first, std::size_t count, const float* state) override {
    tables_[table].write_state(first, count, state);
  }
  void read_counts(std::size_t feature, std::uint64_t first, std::size_t count, std::uint32_t* out) override;
  void write_counts(std::size_t feature, std::uint64_t first, std::size_t count, const std::uint32_t* counts) override;

  InternalTable& table(std::size_t index) { return tables_[index]; }
  InternalTable& table(std::size_t feature, std::size_t hash) {
    return tables_[layout_.features[feature].tables[hash]];
  }
  Usage usage() const override;

 private:
  void add_table(const TableShape& shape, bool counts, std::uint64_t seed, std::size_t available);
  // Threads for this many float additions: waking threads for less than they save would be slower.
  unsigned threads_for(std::size_t work) const;
  std::size_t take_indices(const BagBatch& batch);
  void make_room_for_rows();
  void pool(std::size_t feature, std::size_t first, std::size_t last, const float* weights, bool stream, bool keep,
            float* out);
  const std::uint32_t* rows_of(std::size_t feature, std::size_t hash) const;

  // In sources.cc. A feature whose rows a source makes is pooled as one of the batch's distinct rows of it.
  void add_sources();
  void make_source_rows();
  void make_source_gradients(const float* gradient);
  std::vector<SourceRows> source_tables(const SourceUse& use) const;
  const HashFunction* pooled_hashes(std::size_t feature) const {
    return layout_.features[feature].source == nullptr ? hashes_of(feature).data() : pooled_[feature]->hashes.data();
  }
  const std::uint32_t* pooled_ids(std::size_t feature) const {
    return layout_.features[feature].source == nullptr ? ids_.data() : slots_.data();
  }

  // In embedding_counts.cc. Which tables can count: those that a single hash function uses, by which the row of an id
  // is the id; one per feature.
  static std::vector<bool> counting_tables(const EmbeddingLayout& layout);
  // The feature's table that counts its accesses, or null.
  const InternalTable* counting_table(std::size_t feature) const;
  void count_accesses(std::size_t feature);
  void count_pending();

  // In embedding_gradients.cc, as is backward().
  FactorTask factor_task(std::size_t feature, const float* gradient);
  void check_gradient(const float* gradient) const;
  void add_gradient(TableGradient& task, std::size_t feature, const std::uint32_t* rows, std::size_t column) const;
  std::vector<TableGradient> table_gradients(const float* gradient);
  void make_factor_gradients(const float* gradient);

  std::uint64_t seed_;
  unsigned threads_;
  std::vector<InternalTable> tables_;
  std::vector<std::vector<const InternalTable*>> feature_tables_;

  // Of each feature, none when accesses are not counted; empty where a table counts. Such a table's rows are the ids of
  // this feature alone: backward meets each id's accesses side by side and counts them there for next to nothing, so
  // forward leaves them to it. Whatever comes before calls count_pending().
  std::vector<IdCounts> counts_;
  bool pending_ = false;

  // The last batch's checked copies.
  std::vector<std::uint32_t> ids_;
  std::vector<std::uint32_t>
      rows_;  // of the ids, as forward found them: [hash functions][indices], identities left out
  std::vector<float> weights_;

  std::vector<std::unique_ptr<SourceBatch>> sources_;  // of layout_.sources
  std::vector<const Feature*> pooled_;                 // of each feature: itself, or what its source's rows make of it
  std::vector<std::uint32_t> slots_;  // of each id: which of its source's rows in the batch, or kPruned

  std::vector<float> factors_;               // gradients of factors, feature after feature, hash after hash
  std::vector<std::size_t> factor_offsets_;  // of each feature; kNone unless its rows are multiplied
};

}  // namespace collide
