#include "cpu/centroid_tree.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace collide {

CentroidTree::CentroidTree(const double* centroids, std::uint32_t count, std::size_t dim)
    : dim_(dim), count_(count), order_(count), points_(count * dim) {
  std::iota(order_.begin(), order_.end(), 0u);
  // Halving `count` down to kLeaf gives at most bit_width(count / kLeaf) + 1 levels below the root.
  boxes_.resize((std::size_t{2} << std::bit_width(count / kLeaf)) * 2 * dim);
  build({1, 0, count}, centroids);
  for (std::uint32_t place = 0; place < count; ++place) {
    std::copy_n(centroids + order_[place] * dim, dim, &points_[place * dim]);
  }
}

void CentroidTree::build(const Range& range, const double* centroids) {
  double* lower = &boxes_[range.node * 2 * dim_];
  double* upper = lower + dim_;
  std::copy_n(centroids + order_[range.begin] * dim_, dim_, lower);
  std::copy_n(lower, dim_, upper);
  for (std::uint32_t place = range.begin + 1; place < range.end; ++place) {
    const double* centroid = centroids + order_[place] * dim_;
    for (std::size_t d = 0; d < dim_; ++d) {
      lower[d] = std::min(lower[d], centroid[d]);
      upper[d] = std::max(upper[d], centroid[d]);
    }
  }
  if (range.is_leaf()) return;
  std::size_t axis = 0;
  for (std::size_t d = 1; d < dim_; ++d) {
    if (upper[d] - lower[d] > upper[axis] - lower[axis]) axis = d;
  }
  const auto by_axis = [=, this](std::uint32_t a, std::uint32_t b) {
    return centroids[a * dim_ + axis] < centroids[b * dim_ + axis];
  };
  const auto begin = order_.begin();
  std::nth_element(begin + range.begin, begin + range.lower().end, begin + range.end, by_axis);
  build(range.lower(), centroids);
  build(range.upper(), centroids);
}

template <typename T>
double CentroidTree::distance_to_box(std::uint32_t node, const T* point) const {
  const double* lower = &boxes_[node * 2 * dim_];
  const double* upper = lower + dim_;
  double sum = 0;
  for (std::size_t d = 0; d < dim_; ++d) {
    const double at = static_cast<double>(point[d]);
    const double gap = std::max(0.0, std::max(lower[d] - at, at - upper[d]));
    sum += gap * gap;
  }
  return sum;
}

Neighbour CentroidTree::nearest(const float* point, Neighbour known) const {
  search({1, 0, count_}, point, known);
  return known;
}

void CentroidTree::search(const Range& range, const float* point, Neighbour& best) const {
  if (range.is_leaf()) {
    for (std::uint32_t place = range.begin; place < range.end; ++place) {
      best = std::min(best, {squared_distance(point, &points_[place * dim_], dim_), order_[place]});
    }
    return;
  }
  Range near = range.lower(), far = range.upper();
  double near_square = distance_to_box(near.node, point), far_square = distance_to_box(far.node, point);
  if (far_square < near_square) std::swap(near, far), std::swap(near_square, far_square);
  // An equal distance may still hold a lower index.
  if (near_square <= best.square) search(near, point, best);
  if (far_square <= best.square) search(far, point, best);
}

bool CentroidTree::within(const double* centre, double square, std::size_t most,
                          std::vector<std::uint32_t>& found) const {
  found.clear();
  return collect({1, 0, count_}, centre, square, most, found);
}

bool CentroidTree::collect(const Range& range, const double* centre, double square, std::size_t most,
                           std::vector<std::uint32_t>& found) const {
  if (distance_to_box(range.node, centre) > square) return true;
  if (!range.is_leaf()) {
    return collect(range.lower(), centre, square, most, found) && collect(range.upper(), centre, square, most, found);
  }
  for (std::uint32_t place = range.begin; place < range.end; ++place) {
    if (squared_distance(centre, &points_[place * dim_], dim_) <= square) found.push_back(order_[place]);
  }
  return found.size() <= most;
}

}  // namespace collide
