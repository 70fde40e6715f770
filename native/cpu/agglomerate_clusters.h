// The clusters of one agglomeration in value order: their pair scores and their merging.
//
// A cluster keeps its slot while it lives; a merged one takes the slot of its first, the others' slots die and are
// squeezed out once they are more than half. So slots stand in value order, and a round touches only what it merges. A
// pair is named by its left cluster's slot. All scores are >= 0 and exact or correctly rounded float64.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/agglomerate.h"

namespace collide {

class Clusters {
 public:
  // values ascending; counts [n] whole numbers with a sum below 2^53. Every cluster starts with one id.
  Clusters(std::vector<double> values, std::vector<double> counts);

  std::size_t size() const { return live_; }
  std::size_t slots() const { return values_.size(); }
  bool alive(std::uint32_t slot) const { return (alive_[slot / 64] >> (slot % 64) & 1) != 0; }
  // The live neighbours; next() of the last is slots(), previous() of the first is slots() too.
  std::uint32_t next(std::uint32_t slot) const;
  std::uint32_t previous(std::uint32_t slot) const;

  double value(std::uint32_t slot) const { return values_[slot]; }
  double count(std::uint32_t slot) const { return counts_[slot]; }
  std::uint32_t ids(std::uint32_t slot) const { return sizes_[slot]; }

  // The L2 norm of all counts, ||C||_2 of Eq. 3.
  double norm() const;
  // The score of the pair (left, right) under that norm: smaller merges first.
  double score(FilterBy by, std::uint32_t left, std::uint32_t right, double norm) const;

  // Unites neighbours, two or more, in the slot of the first.
  void unite(const std::uint32_t* slots, std::size_t count, bool count_weighted);
  // Whether most slots are dead: squeeze() then brings live ones together, in order.
  bool sparse() const { return live_ * 2 < slots(); }
  void squeeze();

  // Moves the results out.
  void take(Clustering& out);

 private:
  std::vector<double> values_, counts_;
  std::vector<std::uint32_t> sizes_;
  std::vector<std::uint64_t> alive_;  // a bit per slot, and one more word
  std::size_t live_;
  unsigned __int128 squares_ = 0;  // exact sum of squared counts, kept up to date by unite()
};

inline std::uint32_t Clusters::next(std::uint32_t slot) const {
  std::size_t word = (slot + std::size_t{1}) / 64;
  std::uint64_t bits = alive_[word] & ~std::uint64_t{0} << ((slot + std::size_t{1}) % 64);
  while (bits == 0) {
    if (++word >= alive_.size()) return static_cast<std::uint32_t>(slots());
    bits = alive_[word];
  }
  return static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
}

inline std::uint32_t Clusters::previous(std::uint32_t slot) const {
  std::size_t word = slot / 64;
  std::uint64_t bits = alive_[word] & ((std::uint64_t{1} << (slot % 64)) - 1);
  while (bits == 0) {
    if (word-- == 0) return static_cast<std::uint32_t>(slots());
    bits = alive_[word];
  }
  return static_cast<std::uint32_t>(word * 64 + 63 - static_cast<std::size_t>(std::countl_zero(bits)));
}

}  // namespace collide
