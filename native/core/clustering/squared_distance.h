// The distance that k-means compares, summed dimension by dimension in float64: every device has the same bits.
#pragma once

#include <cstddef>

namespace collide {

template <typename A, typename B>
inline double squared_distance(const A* a, const B* b, std::size_t dim) {
  double sum = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum += difference * difference;
  }
  return sum;
}

}  // namespace collide
