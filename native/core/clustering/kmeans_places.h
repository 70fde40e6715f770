// The ids of a k-means in the order of (start cluster, id), so that the ids of a cluster stay near each other in
// memory; a "place" is a position in that order. And sums over the places of a cluster, which ascend: in pieces of 256,
// one piece after the other. So that a GPU can sum the pieces of a long cluster side by side, with the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/kmeans.h"

namespace collide {

struct KmeansPlaces {
  static constexpr std::size_t kPiece = 256;

  // As of kmeans().
  KmeansPlaces(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
               const std::vector<std::uint32_t>& start, const KmeansOptions& options);

  std::size_t size() const { return ids.size(); }
  // Weighted mean [dim] of some places, at least one.
  void mean_of(const std::uint32_t* places, std::size_t count, double* mean) const;
  // Weighted squared distances to a point [dim], summed.
  double error_of(const std::uint32_t* places, std::size_t count, const double* mean) const;

  const std::size_t dim;
  std::vector<std::uint32_t> ids;      // [places]
  std::vector<float> points;           // [places, dim]
  std::vector<double> weights;         // [places]
  std::vector<std::uint32_t> cluster;  // [places]
};

// Places by (cluster, place), and [rows + 1] where each cluster begins among them.
void group_by_cluster(const std::vector<std::uint32_t>& clusters, std::uint32_t rows,
                      std::vector<std::uint32_t>& members, std::vector<std::uint32_t>& starts);

}  // namespace collide
