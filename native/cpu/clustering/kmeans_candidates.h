// The few centroids that can be nearest to an id of one cluster, eight to a vector, from the cluster's own outwards: an
// id at distance d from its own need not look at those that are further than 2 d from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/clustering/centroid_tree.h"

namespace collide {

class KmeansCandidates {
 public:
  static constexpr std::size_t kMost = 256;

  explicit KmeansCandidates(std::size_t dim) : dim_(dim) {}

  // Four times a square, a little more: what is compared with it is rounded.
  static double reach(double square) { return 4 * (1 + 1e-9) * square; }

  // Takes the centroids [*, dim] with these indices, at most kMost. `own` is one of them.
  void load(const std::vector<std::uint32_t>& indices, const double* centroids, std::uint32_t own);

  // Index of the candidate nearest to a point [dim], the lower of equals.
  std::uint32_t nearest(const float* point) const;

 private:
  std::size_t dim_;
  const double* own_ = nullptr;
  std::uint32_t own_index_ = 0;
  std::vector<Neighbour> order_;
  std::vector<double> squares_;        // [vectors] distance from the own centroid to the nearest of them
  std::vector<double> coordinates_;    // [vectors of 8 candidates, dim, 8]; filled up with infinity
  std::vector<std::int64_t> indices_;  // [vectors, 8]
};

}  // namespace collide
