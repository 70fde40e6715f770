// The neighbouring pairs still in the running within one round: what the first filter has left, listed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/agglomerate_clusters.h"

namespace collide {

struct Candidate {
  double key;  // the score by which they were last ranked
  std::uint32_t left, right;
};

class Candidates {
 public:
  // `list` has its keys by `by`.
  void take(std::vector<Candidate>&& list, FilterBy by);
  // The list's memory, empty, to be filled anew.
  std::vector<Candidate> give();
  std::size_t size() const { return list_.size(); }

  // Keeps the `m` smallest by (score, position), in no particular order; all when there are no more. O(size()).
  void keep_smallest(const Clusters& clusters, FilterBy by, double norm, std::size_t m);
  // Drops pairs that would make a cluster of more than max_size ids, unless that drops all: then nothing changes and
  // the result is false.
  bool drop_larger(const Clusters& clusters, std::uint64_t max_size);

  // Sets bit `left` for each pair.
  void mark(std::vector<std::uint64_t>& chosen) const;

 private:
  std::vector<Candidate> list_;
  std::vector<Candidate> border_;  // of keep_smallest: those about as small as the m-th
  FilterBy keyed_by_ = FilterBy::kSize;
};

}  // namespace collide
