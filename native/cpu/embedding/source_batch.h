// One source's share of a batch: the distinct rows that its features look up, in a table of their own. Cost of finding
// them: the sort of row_sort.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/embedding/layout.h"
#include "cpu/embedding/backward.h"
#include "cpu/embedding/internal_table.h"
#include "cpu/embedding/row_sort.h"

namespace collide {

class SourceBatch {
 public:
  SourceBatch(const EmbeddingLayout& layout, const SourceUse& use);

  // Forgets the last batch and makes room for so many ids.
  void clear(std::size_t ids);
  // Ids `positions` .. of one of the source's features: the hash function's rows of ids[0, n).
  void add(const HashFunction& hash, const std::uint32_t* ids, std::size_t n, std::size_t position, unsigned threads);
  // Finds the distinct rows of all that were added, has the source make them, and writes slots[position] of each id:
  // where in `rows` its row is, or kPruned.
  void make(const std::vector<SourceRows>& tables, std::uint32_t* slots, unsigned threads);

  // The gradients of the source's tables. `task` says where the gradients of the rows are in the batch's; its table is
  // set here. Throws Error INVALID_ARGUMENT for gradients beyond `most`.
  void backward(const std::vector<SourceRows>& tables, TableGradient task, float most, unsigned threads);
  // What table t of the source learns, after `backward`.
  void add_gradient(std::size_t t, TableGradient& task) const;

  const InternalTable* rows() const { return &rows_; }
  // What pools these rows: the source's i-th feature with slots for ids.
  const Feature& feature(std::size_t i) const { return features_[i]; }

 private:
  void make_room(InternalTable& table);

  const SourceUse& use_;
  std::vector<Feature> features_;
  std::vector<RowEntry> entries_;  // [2 * ids]: row and position, and as many spare ones
  std::size_t ids_ = 0;
  std::vector<std::uint32_t> distinct_;  // ascending
  InternalTable rows_, sums_;            // float32 [distinct rows, dim]
  std::vector<SourceGradient> gradients_;
  std::vector<std::uint32_t> ends_;  // [2 * tables]: 0 and the number of rows, as the offsets of a bag
};

}  // namespace collide
