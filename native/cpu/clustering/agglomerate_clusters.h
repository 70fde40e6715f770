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

#include "core/support/memory.h"
#include "cpu/clustering/agglomerate.h"

namespace collide {

// What merging together needs is together: a pair is one or two lines of the cache.
struct Cluster {
  double value, count;
  std::uint32_t ids;
};

// The score of a pair of neighbours, `norm` the L2 norm of all counts: smaller merges first.
inline double pair_score(FilterBy by, const Cluster& a, const Cluster& b, double norm) {
  switch (by) {
    case FilterBy::kFrequency: {
      if (norm == 0) return 0;
      // (count_i / L + 1) * (count_j / L + 1) without the 1 that it would round off: the same order, more distinct
      // scores.
      const double x = a.count / norm, y = b.count / norm;
      return (x + y) + x * y;
    }
    case FilterBy::kDistance:
      return b.value - a.value;
    default:
      return static_cast<double>(a.ids) + static_cast<double>(b.ids);
  }
}

// The union of `count` neighbours at(0), at(1), ..
template <typename At>
Cluster union_of(std::size_t count, bool count_weighted, const At& at) {
  double total = 0, weighted = 0, plain = 0;
  std::uint32_t ids = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Cluster& cluster = at(i);
    total += cluster.count;
    weighted += cluster.count * cluster.value;
    plain += cluster.value;
    ids += cluster.ids;
  }
  const double mean = count_weighted && total > 0 ? weighted / total : plain / static_cast<double>(count);
  // The mean lies in [least, most] but for rounding; held there, the clusters stay in order. An overflow of the sums
  // (infinite, or NaN) ends at a bound too.
  const double least = at(0).value, most = at(count - 1).value;
  return {!(mean > least) ? least : (mean < most ? mean : most), total, ids};
}

inline unsigned __int128 square(double count) {
  const auto whole = static_cast<std::uint64_t>(count);
  return static_cast<unsigned __int128>(whole) * whole;
}

// Where neighbours are looked for: slots [begin, end), multiples of kSlotBlock or the end of all.
struct SlotRange {
  std::size_t begin, end;
};
constexpr std::size_t kSlotBlock = 512;  // what is kept of a block lies in cache lines of its own, but for its ends

class Clusters {
 public:
  // Changes to the sums over all clusters, by one task's merges.
  struct Tally {
    unsigned __int128 squares = 0;
    std::size_t gone = 0;
  };

  // clusters [n]: values ascending, counts whole numbers with a sum below 2^53, ids 1.
  Clusters(Memory clusters, std::size_t n);

  std::size_t size() const { return live_; }
  std::size_t slots() const { return slots_; }
  const Cluster& operator[](std::uint32_t slot) const { return clusters_[slot]; }
  bool alive(std::uint32_t slot) const { return (alive_[slot / 64] >> (slot % 64) & 1) != 0; }
  // Brings a cluster and, most likely, its neighbours near.
  void prefetch(std::size_t slot) const {
    __builtin_prefetch(&clusters_[slot] - 1);
    __builtin_prefetch(&clusters_[slot] + 2);
  }
  // The live neighbours within a range, or kNone.
  std::uint32_t next(std::uint32_t slot, const SlotRange& range) const;
  std::uint32_t previous(std::size_t slot, const SlotRange& range) const;
  SlotRange all() const { return {0, slots()}; }
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  // The L2 norm of all counts, ||C||_2 of Eq. 3.
  double norm() const;
  // The score of the pair (left, right) under that norm: smaller merges first.
  double score(FilterBy by, std::uint32_t left, std::uint32_t right, double norm) const;
  // About the largest that a pair can have.
  double largest_score(FilterBy by) const;

  // Unites neighbours, two or more, in the slot of the first.
  void unite(const std::uint32_t* slots, std::size_t count, bool count_weighted, Tally& tally);
  void settle(const Tally& tally);
  // Whether most slots are dead: time to bring the live ones together, compact(), for clusters and whatever else there
  // is by slot; squeezed() when that is done.
  bool sparse() const { return live_ * 2 < slots(); }
  void compact() { compact(clusters_); }
  void squeezed();
  // Brings the items of live slots together, in order.
  template <typename T>
  void compact(T* items) const;

  // Moves the results out.
  void take(Clustering& out);

 private:
  const Memory memory_;  // in huge pages: rounds touch it here and there
  Cluster* const clusters_;
  std::size_t slots_;
  std::vector<std::uint64_t> alive_;  // a bit per slot, and at least one more
  std::size_t live_;
  unsigned __int128 squares_ = 0;  // exact sum of squared counts
};

template <typename T>
void Clusters::compact(T* items) const {
  std::size_t to = 0;
  for (std::size_t word = 0; word < alive_.size(); ++word) {
    for (std::uint64_t bits = alive_[word]; bits != 0; bits &= bits - 1) {
      items[to++] = items[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
    }
  }
}

inline std::uint32_t Clusters::next(std::uint32_t slot, const SlotRange& range) const {
  const std::size_t from = slot + std::size_t{1};
  std::uint64_t mask = ~std::uint64_t{0} << (from % 64);
  for (std::size_t word = from / 64; word * 64 < range.end; ++word, mask = ~std::uint64_t{0}) {
    const std::uint64_t bits = alive_[word] & mask;
    if (bits != 0) return static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
  }
  return kNone;
}

inline std::uint32_t Clusters::previous(std::size_t slot, const SlotRange& range) const {
  std::uint64_t mask = (std::uint64_t{1} << (slot % 64)) - 1;
  for (std::size_t word = slot / 64 + 1; word-- > range.begin / 64; mask = ~std::uint64_t{0}) {
    const std::uint64_t bits = alive_[word] & mask;
    if (bits != 0) return static_cast<std::uint32_t>(word * 64 + 63 - static_cast<std::size_t>(std::countl_zero(bits)));
  }
  return kNone;
}

inline double Clusters::score(FilterBy by, std::uint32_t left, std::uint32_t right, double norm) const {
  return pair_score(by, clusters_[left], clusters_[right], norm);
}

}  // namespace collide
