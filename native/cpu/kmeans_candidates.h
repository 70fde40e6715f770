// The few centroids that can be nearest to an id of one cluster, eight to a vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace collide {

class KmeansCandidates {
 public:
  static constexpr std::size_t kMost = 256;

  explicit KmeansCandidates(std::size_t dim) : dim_(dim) {}

  // Takes the centroids [*, dim] with these indices, at most kMost.
  void load(const std::vector<std::uint32_t>& indices, const double* centroids);

  // Index of the candidate nearest to a point [dim], the lower of equals.
  std::uint32_t nearest(const float* point) const;

 private:
  std::size_t dim_;
  std::vector<double> coordinates_;    // [vectors of 8 candidates, dim, 8]; filled up with infinity
  std::vector<std::int64_t> indices_;  // [vectors, 8]
};

}  // namespace collide
