// All neighbouring pairs, ordered coarsely by one score, so that the smallest of them are found without scoring all.
//
// Each pair has a code of 16 bits that never falls as its score rises, and histograms count the codes, one for the
// changes of each task: what holds is their sum. Codes depend on the two clusters alone: a merge changes those of its
// neighbourhood, and a round reads 2 bytes per slot.
//   distance   code 0 is distance 0, the others are 64 to the octave below the whole range of values
//   size       the created size itself, up to 65,534
//   frequency  the score (a + b) + a * b, a = count / L, depends on the norm L, which grows from round to round. Codes
//              follow the sum of counts s, which it does not: below 256 one code for each pair (s, smaller count),
//              above 1,024 to the octave. With L, a score lies between s / L and (s + s^2 / 4L) / L, so what a code may
//              hide is known: pairs up to the code of that upper bound are scored exactly.
// Where all pairs of a code tie and no other code can come between (small sums of counts, almost always; equal values;
// sizes), the selection is by code and position alone, and nothing is scored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/agglomerate_candidates.h"
#include "cpu/agglomerate_clusters.h"

namespace collide {

class PairIndex {
 public:
  // About what it takes to merge a pair and to update its neighbourhood. No more tasks may do so than slot_ranges makes
  // of the time for all pairs.
  static constexpr std::size_t kMergeNanoseconds = 60;

  // Orders the pairs by `by`; with max_size > 0 leaves out those that would make a cluster of more ids.
  PairIndex(const Clusters& clusters, FilterBy by, std::uint64_t max_size, unsigned threads);

  std::size_t size() const;

  // Lists the m <= size() smallest pairs by (score, position) under the norm, keyed by `key_by` if that saves a pass.
  void select(const Clusters& clusters, double norm, std::size_t m, FilterBy key_by, Candidates& candidates) const;

  // After the cluster at `left` or its right neighbour has changed. False, and nothing done, when there is no neighbour
  // in the range. Tasks, numbered from 0, may change different pairs side by side.
  bool update(const Clusters& clusters, std::uint32_t left, const SlotRange& range, std::size_t task);
  // After it has died, or become the last.
  void drop(std::uint32_t left, std::size_t task) { set(left, kNone, task); }
  // Beside Clusters::compact().
  void squeeze(const Clusters& clusters);

 private:
  static constexpr std::uint16_t kNone = 65535;

  // Where to stop: all pairs up to code `limit`, of code `last` only the first `wanted`.
  struct Threshold {
    std::uint16_t limit, last;
    std::size_t wanted;
  };

  // Pairs by code that one task has added, less those that it took away.
  struct alignas(64) Tally {
    std::vector<std::uint32_t> fine = std::vector<std::uint32_t>(65536), coarse = std::vector<std::uint32_t>(256);
    void add(std::uint16_t code) { ++fine[code], ++coarse[code / 256]; }
    void take(std::uint16_t code) { --fine[code], --coarse[code / 256]; }
  };

  std::uint16_t code_of(const Cluster& left, const Cluster& right) const;
  void set(std::uint32_t left, std::uint16_t code, std::size_t task);
  // The code that the m-th smallest has, and how many pairs have smaller ones.
  std::uint16_t code_at(std::size_t m, std::size_t& below) const;
  // Whether pairs tie within the code and precede all of higher ones.
  bool exact(std::uint16_t code, double norm) const;
  // The highest code that may hold a score as small as one of `code` has.
  std::uint16_t reach(std::uint16_t code, double norm) const;
  // Lists the pairs of a range up to the threshold by position; returns how many have its last code.
  std::size_t gather(const Clusters& clusters, const SlotRange& range, Threshold threshold, FilterBy key_by,
                     double norm, std::vector<Candidate>& list) const;

  const FilterBy by_;
  const std::uint64_t max_size_;
  const unsigned threads_;
  std::int64_t distance_base_ = 0;
  Memory memory_;
  std::uint16_t* codes_;  // [slots], filled up to a multiple of 64
  std::vector<Tally> tallies_;
};

}  // namespace collide
