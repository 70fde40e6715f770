// One agglomeration on the device: the clusters in value order, and the pairs of neighbours still in the running. The
// device's part of cpu/clustering/agglomerate_clusters.h and cpu/clustering/agglomerate_candidates.h, with the same
// bits: every sum is added left to right by one thread or is of integers, every choice is by (score, position).
//
// A filter finds the score and position of the last candidate it keeps (agglomerate_threshold.cuh) and selects those up
// to it in their order: about 80 bytes per candidate. A chain is merged by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/agglomeration.h"
#include "cuda/clustering/agglomerate_threshold.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

// A pair is named by its left cluster's position.
struct ClusterArrays {
  double* values;
  double* counts;
  std::uint32_t* sizes;
};

class AgglomerateState {
 public:
  // Sorts the ids by (value, id); sorted_ids() then holds them. [n], n >= 1.
  AgglomerateState(const std::vector<double>& values, const std::vector<double>& counts);

  std::size_t size() const { return clusters_; }
  std::vector<std::uint32_t> sorted_ids() const;
  void take(Clustering& out) const;  // the clusters

  // All pairs are candidates again.
  void begin_round();
  std::size_t candidates() const { return all_ ? clusters_ - 1 : listed_; }
  void keep_smallest(FilterBy by, std::size_t m);
  bool drop_larger(std::uint64_t max_size);  // false: that would drop all, nothing changed
  // Merges the candidates left. Returns whether a chain of more than max_size ids was cut into pairs; 0: no limit.
  bool merge(std::uint64_t max_size, bool count_weighted);

 private:
  struct Buffers {
    DeviceArray<double> values, counts;
    DeviceArray<std::uint32_t> sizes;
    ClusterArrays arrays() const { return {values.data(), counts.data(), sizes.data()}; }
  };
  // What a round tells the host.
  struct Told {
    std::uint64_t squares[3];  // the sum of squared counts: 32 bits, 32 bits, the rest; each may carry over
    std::uint32_t selected;
    std::uint32_t split;
  };

  void list_all();
  void select();
  void add_squares();
  Told told();

  Stream stream_;
  Scratch scratch_;
  std::size_t count_;  // ids
  std::size_t clusters_, listed_ = 0;
  bool all_ = true;
  double norm_ = 0;  // the L2 norm of the counts, ||C||_2 of Eq. 3

  DeviceArray<std::uint32_t> ids_;
  Buffers now_, next_;
  ThresholdSearch search_;
  DeviceArray<std::uint64_t> keys_;
  DeviceArray<std::uint32_t> list_, spare_, heads_, positions_;
  DeviceArray<std::uint8_t> chosen_;  // [clusters]; pair by pair, the last 0
  DeviceArray<Told> told_;
};

}  // namespace collide::cuda
