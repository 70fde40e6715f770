// The state of k-means: ids grouped by cluster, their weights, and the clusters' means.
//
// Ids are held in the order of (start cluster, id), so that the ids of a cluster stay near each other in memory; a
// "place" is a position in that order. Sums run over places in ascending order.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/kmeans.h"

namespace collide {

class KmeansClusters {
 public:
  KmeansClusters(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                 const std::vector<std::uint32_t>& start, const KmeansOptions& options);

  // Before an assignment, which then calls move() for every place that it moves, from any thread.
  void begin() { next_ = cluster; }
  void move(std::size_t place, std::uint32_t to) {
    touch(cluster[place]);
    touch(to);
    next_[place] = to;
  }
  // Makes `next_` the clusters, after halves of others were given to those that it left empty, and takes the means of
  // those that changed. Returns how many ids moved.
  std::uint64_t step();

  // Whether all ids of a cluster are at the centroid that was nearest in the last assignment and has not moved since.
  // Then no centroid but one that has moved can be nearer.
  bool settled(std::uint32_t k) const { return moved[k] == 0 && loose_[k] == 0; }

  // Fills in all of the result but its rounds.
  void finish(const std::vector<double>& counts, KmeansClustering& result);

  const std::size_t dim;
  std::vector<float> points;           // [places, dim]
  std::vector<std::uint32_t> cluster;  // [places]
  std::vector<std::uint32_t> members;  // places by (cluster, place)
  std::vector<std::uint32_t> starts;   // [rows + 1] where each cluster begins in `members`
  std::vector<double> centroids;       // [rows, dim]
  std::vector<double> radii;           // [rows] squared distance of the farthest id
  std::vector<std::uint8_t> moved;     // [rows] whether the centroid is another than in the last assignment

 private:
  // A cluster's place among those to be split.
  struct Spread {
    double error;
    std::uint32_t size, cluster;
    bool operator<(const Spread& other) const;
  };

  void touch(std::uint32_t k) { std::atomic_ref(changed_[k]).store(1, std::memory_order_relaxed); }
  void group(const std::vector<std::uint32_t>& clusters);
  void take_means();
  void mean_of(const std::uint32_t* places, std::size_t count, double* mean) const;
  double error_of(const std::uint32_t* places, std::size_t count, const double* mean) const;
  Spread spread_of(std::uint32_t cluster, const std::uint32_t* places, std::size_t count) const;
  std::size_t halve(std::vector<std::uint32_t>& places) const;
  void fill_empty();

  std::vector<std::uint32_t> next_;    // [places] clusters to be
  std::vector<std::uint8_t> changed_;  // [rows] whether ids came or went
  std::vector<std::uint8_t> loose_;    // [rows] whether ids were put there because it was empty, or taken away for that

  std::uint32_t rows_;
  unsigned threads_;
  std::vector<std::uint32_t> ids_;  // [places]
  std::vector<double> weights_;     // [places]
};

}  // namespace collide
