// All neighbouring pairs, ordered coarsely by one score, so that the smallest of them are found without scoring all.
//
// Each pair has a code of 16 bits that never falls as its score rises, and histograms count the codes, one for the
// changes of each thread: what holds is their sum. Codes depend on the two clusters alone: a merge changes those of its
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

#include "cpu/clustering/agglomerate_candidates.h"
#include "cpu/clustering/agglomerate_clusters.h"

namespace collide {

class PairIndex {
 public:
  // Orders the pairs by `by`; with max_size > 0 leaves out those that would make a cluster of more ids. At most
  // `threads` parts may unite clusters side by side.
  PairIndex(const Clusters& clusters, FilterBy by, std::uint64_t max_size, std::size_t threads);

  std::size_t size() const;

  // Lists the m <= size() smallest pairs by (score, position) under the norm, about as many in each part, keyed by
  // `key_by` if that saves a pass.
  void select(const Clusters& clusters, double norm, std::size_t m, FilterBy key_by, std::size_t parts,
              Candidates& candidates);

  // After neighbours within one part were united in the slot of the first. Parts may do so side by side: the pair that
  // reaches into the next part is for refresh().
  void united(const Clusters& clusters, const std::uint32_t* slots, std::size_t count, const SlotRange& range,
              std::size_t part);
  // After whatever has become of `left` or its right neighbour.
  void refresh(const Clusters& clusters, std::uint32_t left);
  // Beside Clusters::compact().
  void squeeze(const Clusters& clusters);

  void prefetch(std::uint32_t slot) const { __builtin_prefetch(&codes_[slot]); }

 private:
  static constexpr std::uint16_t kNone = 65535;

  // Pairs to list: all of codes below `bound`, and the first `ties` of those at it.
  struct Threshold {
    std::uint16_t bound;
    std::size_t ties;
  };

  // What one thread lists.
  struct Part {
    SlotRange range;
    Threshold threshold;
  };

  // Pairs of one block of slots.
  struct Hits {
    std::uint16_t below, at_bound;
  };

  // Pairs by code that one thread has added, less those that it took away.
  struct Tally {
    std::vector<std::uint32_t> fine = std::vector<std::uint32_t>(65536), coarse = std::vector<std::uint32_t>(256);
    void add(std::uint16_t code) { ++fine[code], ++coarse[code / 256]; }
    void take(std::uint16_t code) { --fine[code], --coarse[code / 256]; }
  };

  std::uint16_t code_of(const Cluster& left, const Cluster& right) const;
  void set(std::uint32_t left, std::uint16_t code, Tally& tally);
  // The code that the m-th smallest has, and how many pairs have smaller ones.
  std::uint16_t code_at(std::size_t m, std::size_t& below) const;
  // Whether pairs tie within the code and precede all of higher ones.
  bool exact(std::uint16_t code, double norm) const;
  // The highest code that may hold a score as small as one of `code` has; less than kNone.
  std::uint16_t reach(std::uint16_t code, double norm) const;
  // Fills hits_.
  void count_hits(const Clusters& clusters, std::uint16_t bound, std::size_t parts);
  // Parts with about as many pairs to list each, however they lie: ties are taken by position, so a round's pairs often
  // lie close together.
  std::vector<Part> divide(const Clusters& clusters, Threshold threshold, std::size_t parts);
  // Lists a part's pairs by position.
  void gather(const Clusters& clusters, Part part, FilterBy key_by, double norm, std::vector<Candidate>& list) const;

  const FilterBy by_;
  const std::uint64_t max_size_;
  std::int64_t distance_base_ = 0;
  Memory memory_;
  std::uint16_t* codes_;        // [slots], filled up to whole blocks
  std::vector<Tally> tallies_;  // [threads]
  std::vector<Hits> hits_;      // [blocks]
};

}  // namespace collide
