// The state of k-means: ids grouped by cluster, and the clusters' means.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/kmeans_places.h"

namespace collide {

class KmeansClusters : public KmeansPlaces {
 public:
  KmeansClusters(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                 const std::vector<std::uint32_t>& start, const KmeansOptions& options, unsigned threads);

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

  std::vector<std::uint32_t> members;  // places by (cluster, place)
  std::vector<std::uint32_t> starts;   // [rows + 1] where each cluster begins in `members`
  std::vector<double> centroids;       // [rows, dim]
  std::vector<double> radii;           // [rows] squared distance of the farthest id
  std::vector<std::uint8_t> moved;     // [rows] whether the centroid is another than in the last assignment

 private:
  void touch(std::uint32_t k) { std::atomic_ref(changed_[k]).store(1, std::memory_order_relaxed); }
  void take_means();
  void fill_empty();

  std::vector<std::uint32_t> next_;    // [places] clusters to be
  std::vector<std::uint8_t> changed_;  // [rows] whether ids came or went
  std::vector<std::uint8_t> loose_;    // [rows] whether ids were put there because it was empty, or taken away for that

  std::uint32_t rows_;
  unsigned threads_;
};

}  // namespace collide
