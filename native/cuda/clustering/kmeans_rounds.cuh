// The rounds of a k-means on the device: the device's part of cpu/clustering/kmeans_clusters.h and of the assignment in
// cpu/clustering/kmeans.cc, with the same bits. Distances are float64, summed dimension by dimension; a cluster is
// summed in the pieces of core/clustering/kmeans_places.h, each by one thread.
//
// The assignment is exact: each id searches a tree of boxes over the centroids, beginning with the distance to its own.
// The tree halves the clusters by number, as the kd-tree did that they usually come from, so what is near in it is
// near; clusters in an order without meaning are searched correctly and slowly. An id whose centroid did not move looks
// only where centroids moved. Ids of a cluster are searched side by side and take about the same way.
//
// A round: the tree (a launch per level), the search (4 dim + 16 bytes per id, and the tree), a radix sort of ids by
// cluster (one to four passes of 16 bytes) and the sums (4 dim + 16 bytes per id, random where ids have left the
// cluster that they began in). About 4 dim + 50 bytes of device memory per id, 48 dim + 70 per cluster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/kmeans_places.h"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

// Boxes [node, dim] of {lower, upper} bounds; node 1 is the root, 2n and 2n + 1 are the halves of n, and leaf j of
// `leaves` is node leaves + j, with the clusters from starts[j] to starts[j + 1].
struct CentroidBoxes {
  const double* centroids;
  const std::uint8_t* moved;  // [clusters]
  std::uint32_t leaves;
  const std::uint32_t* starts;
  double2* boxes;
  std::uint8_t* has_moved;  // [node] whether a centroid within moved
};

// Ids by cluster.
struct KmeansMembers {
  const float* points;           // [places, dim]
  const double* weights;         // [places]
  const std::uint32_t* members;  // places by (cluster, place)
  const std::uint32_t* cluster;  // [member]
  const std::uint32_t* starts;   // [clusters + 1]
  std::size_t count;
  std::uint32_t dim;
};

class KmeansRounds {
 public:
  KmeansRounds(const KmeansPlaces& places, std::uint32_t rows);

  // First half of a round: every id to its nearest centroid. False when that left a cluster empty: then move() must
  // fill it.
  bool assign();
  // Gives places, each named once, to other clusters.
  void move(const std::vector<std::uint32_t>& places, const std::vector<std::uint32_t>& to);
  // Second half: centroids become the means. Returns how many ids the round moved.
  std::uint64_t take_means();

  struct Grouping {
    std::vector<std::uint32_t> members, starts;
  };
  Grouping grouping() const;
  // Weighted squared distances of each cluster's ids to their mean, summed.
  std::vector<double> errors();
  std::vector<double> centroids() const;

 private:
  struct Told {
    std::uint64_t moved;  // ids
    std::uint32_t empty;  // clusters
    std::uint32_t unused;
  };

  KmeansMembers members() const;
  CentroidBoxes tree() const;
  void plant();
  void group();  // by next_
  void sum();    // into means_
  Told told();

  const std::size_t n_;
  const std::uint32_t rows_, dim_;
  std::uint32_t leaves_ = 1;
  Stream stream_;
  Scratch scratch_;
  DeviceArray<float> points_;
  DeviceArray<double> weights_, centroids_, means_, sums_, errors_;
  DeviceArray<std::uint32_t> cluster_, next_;  // [places] now, and after this round
  DeviceArray<std::uint32_t> places_;          // [n] 0, 1, 2, ...
  DeviceArray<std::uint32_t> members_, member_cluster_, starts_;
  DeviceArray<std::uint8_t> moved_,
      loose_;  // [rows] whether a centroid moved; whether an empty cluster was filled there
  DeviceArray<double2> boxes_;
  DeviceArray<std::uint8_t> has_moved_;
  DeviceArray<std::uint32_t> leaf_starts_;
  DeviceArray<Told> told_;
};

}  // namespace collide::cuda
