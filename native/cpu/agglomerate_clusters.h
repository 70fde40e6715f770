// The clusters of one agglomeration in value order: their pair scores and the merging of chains.
// A pair is named by its left cluster's position. All scores are >= 0 and exact or correctly rounded float64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/agglomerate.h"

namespace collide {

class Clusters {
 public:
  // values ascending; counts [n] whole numbers with a sum below 2^53. Every cluster starts with one id.
  Clusters(std::vector<double> values, std::vector<double> counts);

  std::size_t size() const { return values_.size(); }

  // Fixes the frequency scores' norm for the coming round.
  void begin_round();
  // The score of the pair (left, left + 1): smaller merges first.
  double score(FilterBy by, std::uint32_t left) const;
  // The same for the pairs first .. first + count - 1, count <= kBlock.
  void scores(FilterBy by, std::size_t first, std::size_t count, double* out) const;
  static constexpr std::size_t kBlock = 1024;

  // Merges the chosen pairs; neighbouring ones unify into chains. `chosen` has bit `left` set for each, size() bits in
  // all. With max_size > 0, a chain of more ids is cut into pairs left to right (AB, CD, E stays). Returns whether one
  // was.
  bool merge(const std::vector<std::uint64_t>& chosen, std::uint64_t max_size, bool count_weighted);

  // Moves the results out.
  void take(Clustering& out);

 private:
  // Writes the union of clusters [first, last] to position `to` <= first.
  void merge_chain(std::size_t first, std::size_t last, std::size_t to, bool count_weighted);
  // Moves clusters [first, end) down to `to` <= first.
  void move(std::size_t first, std::size_t end, std::size_t to);

  std::vector<double> values_, counts_;
  std::vector<std::uint32_t> sizes_;
  unsigned __int128 squares_ = 0;  // exact sum of squared counts, kept up to date by merges
  double norm_ = 0;                // its square root, the L2 norm ||C||_2 of Eq. 3
};

}  // namespace collide
