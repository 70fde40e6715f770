// The neighbouring pairs still in the running within one round: what the first filter has left, listed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/agglomerate_clusters.h"

namespace collide {

struct Candidate {
  double key;
  std::uint32_t left, right;
};

class Candidates {
 public:
  void clear() { list_.clear(); }
  void add(std::uint32_t left) { list_.push_back({0, left, 0}); }
  void reserve(std::size_t pairs) { list_.reserve(pairs); }
  std::size_t size() const { return list_.size(); }
  // Finds the right neighbours of all that were added.
  void pair_up(const Clusters& clusters);

  // Keeps the `m` smallest by (score, position), in no particular order; all when there are no more. O(size()).
  void keep_smallest(const Clusters& clusters, FilterBy by, double norm, std::size_t m);
  // Drops pairs that would make a cluster of more than max_size ids, unless that drops all: then nothing changes and
  // the result is false.
  bool drop_larger(const Clusters& clusters, std::uint64_t max_size);

  // Sets bit `left` for each pair.
  void mark(std::vector<std::uint64_t>& chosen) const;

 private:
  std::vector<Candidate> list_;
};

}  // namespace collide
