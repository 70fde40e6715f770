// The state of k-means: ids grouped by cluster, their weights, and the clusters' means.
//
// Ids are held in the order of (start cluster, id), so that the ids of a cluster stay near each other in memory; a
// "place" is a position in that order. Sums run over places in ascending order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/kmeans.h"

namespace collide {

class KmeansClusters {
 public:
  KmeansClusters(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                 const std::vector<std::uint32_t>& start, const KmeansOptions& options);

  // Makes `next` the clusters, after halves of others were given to those that it left empty, and takes their means.
  // Returns how many ids moved.
  std::uint64_t step();

  // Fills in all of the result but its rounds.
  void finish(const std::vector<double>& counts, KmeansClustering& result);

  const std::size_t dim;
  std::vector<float> points;           // [places, dim]
  std::vector<std::uint32_t> cluster;  // [places]
  std::vector<std::uint32_t> next;     // [places] written by the assignment
  std::vector<std::uint32_t> members;  // places by (cluster, place)
  std::vector<std::uint32_t> starts;   // [rows + 1] where each cluster begins in `members`
  std::vector<double> centroids;       // [rows, dim]

 private:
  // A cluster's place among those to be split.
  struct Spread {
    double error;
    std::uint32_t size, cluster;
    bool operator<(const Spread& other) const;
  };

  void group(const std::vector<std::uint32_t>& clusters);
  void take_means();
  void mean_of(const std::uint32_t* places, std::size_t count, double* mean) const;
  double error_of(const std::uint32_t* places, std::size_t count, const double* mean) const;
  Spread spread_of(std::uint32_t cluster, const std::uint32_t* places, std::size_t count) const;
  std::size_t halve(std::vector<std::uint32_t>& places) const;
  void fill_empty();

  std::uint32_t rows_;
  unsigned threads_;
  std::vector<std::uint32_t> ids_;  // [places]
  std::vector<double> weights_;     // [places]
};

}  // namespace collide
