// The rows that a batch hits most often, whose gradients are summed without being sorted: bag after bag, as they lie in
// memory, each added to the sum of its row. As many rows are chosen as have room for their sums in the second-level
// cache, from a sample of the batch; with ids as uneven as they are, more than half of all gradients are theirs.
//
// A sorted run has its gradients in the same order, and the sums have the shape of those in gradient_sum.h: the same
// bits, whichever rows are chosen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/embedding/row_sort.h"

namespace collide {

class FrequentRows {
 public:
  static constexpr std::size_t kSampled = 16;  // one id in so many is enough of a sample

  // Rows of this width that are chosen at most.
  static std::size_t most(std::size_t width);

  // All rows of a table that has no more than most(width).
  void choose_all(std::size_t rows, std::size_t width);
  // Those hit most often, at least twice, in a sample whose entries are sorted; none from row `pruned` on.
  template <typename Entry>
  void choose(const Entry* sorted, std::size_t n, std::size_t pruned, std::size_t width);

  // A slot is the number of a chosen row. That of a row that was not chosen means nothing.
  bool chosen(std::uint32_t row) const { return keys_[row % kKeys] == row; }
  std::uint32_t slot(std::uint32_t row) const { return slots_[row % kKeys]; }

  // Sums the gradients of entries in the order of the batch, with a slot in place of each row.
  template <typename Entry>
  void sum(const float* gradient, const Entry* entries, std::size_t n);

  std::size_t slots() const { return rows_.size(); }
  std::uint32_t row(std::size_t slot) const { return rows_[slot]; }
  std::uint32_t gradients(std::size_t slot) const { return counts_[slot]; }
  float* sum_of(std::size_t slot) { return parts_.data() + slot * width_; }

 private:
  static constexpr std::size_t kKeys = 4096, kMost = 2048;

  void clear(std::size_t width);
  void add(std::uint32_t row);

  // A row is found at the place of its low bits or nowhere: of two rows with the same ones the first is chosen.
  std::vector<std::uint32_t> keys_;
  std::vector<std::uint16_t> slots_;

  std::size_t width_ = 0;
  std::vector<std::uint32_t> rows_, counts_;  // [slots]
  std::vector<float> parts_;                  // [slots, width]: of up to 64 gradients, and the sum of all in the end
  std::vector<double> pieces_, all_;          // of up to 4,096 gradients, and of whole pieces
};

}  // namespace collide
