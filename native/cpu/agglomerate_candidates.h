// The neighbouring pairs still in the running within one round. They start as "all pairs", which is not stored; the
// first filter that drops some makes a list, in no particular order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cpu/agglomerate_clusters.h"

namespace collide {

class Candidates {
 public:
  // Room for the pairs of `clusters` clusters; pages are touched only as far as lists grow.
  explicit Candidates(std::size_t clusters);

  void begin_round(const Clusters& clusters);
  std::size_t size() const { return all_ ? pairs_ : listed_; }

  // Keeps the `m` smallest by (score, position); all when there are no more. O(size()).
  void keep_smallest(const Clusters& clusters, FilterBy by, std::size_t m);
  // Drops pairs that would make a cluster of more than max_size ids, unless that drops all: then nothing changes and
  // the result is false.
  bool drop_larger(const Clusters& clusters, std::uint64_t max_size);

  // Sets bit `left` for each pair left, clears the others.
  void mark(std::vector<std::uint64_t>& chosen) const;

 private:
  struct Candidate {
    double key;
    std::uint32_t left;
  };

  // Lists every pair whose score is below `threshold` and the first `ties` pairs that equal it.
  void gather(const Clusters& clusters, FilterBy by, double threshold, std::size_t ties);

  std::unique_ptr<Candidate[]> list_;
  std::size_t pairs_ = 0;
  std::size_t listed_ = 0;
  bool all_ = true;
};

}  // namespace collide
