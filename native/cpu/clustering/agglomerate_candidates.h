// The neighbouring pairs still in the running within one round: what the first filter has left, listed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cpu/clustering/agglomerate_clusters.h"

namespace collide {

struct Candidate {
  double key;  // the score by which they were last ranked
  std::uint32_t left, right;
};

// A list, in the order of position, for each part of the slots. Whatever is done is done to all parts side by side.
class Candidates {
 public:
  // Lists anew: fill(part, list), with keys by `by`, for parts that lie one behind the other.
  void list(FilterBy by, std::vector<SlotRange> parts,
            const std::function<void(std::size_t part, std::vector<Candidate>& list)>& fill);
  std::size_t size() const;
  const std::vector<SlotRange>& parts() const { return parts_; }
  const std::vector<Candidate>& of(std::size_t part) const { return lists_[part]; }

  // Keeps the `m` smallest by (score, position); all when there are no more. O(size()).
  void keep_smallest(const Clusters& clusters, FilterBy by, double norm, std::size_t m);
  // Drops pairs that would make a cluster of more than max_size ids, unless that drops all: then nothing changes and
  // the result is false.
  bool drop_larger(const Clusters& clusters, std::uint64_t max_size);

 private:
  void for_parts(const std::function<void(std::size_t part)>& body);

  std::vector<SlotRange> parts_;
  std::vector<std::vector<Candidate>> lists_;       // [parts] or more, for their memory
  std::vector<std::vector<std::uint32_t>> counts_;  // of keep_smallest
  FilterBy keyed_by_ = FilterBy::kSize;
};

}  // namespace collide
