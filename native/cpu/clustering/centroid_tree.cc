#include "cpu/clustering/centroid_tree.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kBranches = 16;  // built side by side

}  // namespace

CentroidTree::CentroidTree(const double* centroids, std::vector<std::uint32_t> indices, std::size_t dim,
                           unsigned threads)
    : dim_(dim), count_(static_cast<std::uint32_t>(indices.size())), order_(std::move(indices)), points_(count_ * dim) {
  // Halving `count` down to kLeaf gives at most bit_width(count / kLeaf) + 1 levels below the root.
  const std::size_t nodes = std::size_t{2} << std::bit_width(count_ / kLeaf);
  boxes_.resize(nodes * 2 * dim);
  lowest_.resize(nodes);
  std::vector<Range> ranges = {{1, 0, count_}};
  while (ranges.size() < kBranches && !ranges[0].is_leaf()) {
    std::vector<Range> halves;
    for (const Range& range : ranges) {
      if (split(range, centroids)) halves.insert(halves.end(), {range.lower(), range.upper()});
    }
    ranges = std::move(halves);
  }
  parallel_for(ranges.size(), threads, [&](std::size_t r) { build(ranges[r], centroids); });
  fit(centroids);
}

// Orders a range along the widest axis of its box. False for a leaf.
bool CentroidTree::split(const Range& range, const double* centroids) {
  if (range.is_leaf()) return false;
  std::size_t axis = 0;
  double widest = -1;
  for (std::size_t d = 0; d < dim_; ++d) {
    double lower = centroids[order_[range.begin] * dim_ + d], upper = lower;
    for (std::uint32_t place = range.begin + 1; place < range.end; ++place) {
      lower = std::min(lower, centroids[order_[place] * dim_ + d]);
      upper = std::max(upper, centroids[order_[place] * dim_ + d]);
    }
    if (upper - lower > widest) axis = d, widest = upper - lower;
  }
  const auto by_axis = [=, this](std::uint32_t a, std::uint32_t b) {
    return centroids[a * dim_ + axis] < centroids[b * dim_ + axis];
  };
  const auto begin = order_.begin();
  std::nth_element(begin + range.begin, begin + range.lower().end, begin + range.end, by_axis);
  return true;
}

void CentroidTree::build(const Range& range, const double* centroids) {
  if (!split(range, centroids)) return;
  build(range.lower(), centroids);
  build(range.upper(), centroids);
}

void CentroidTree::fit(const double* centroids) {
  for (std::uint32_t place = 0; place < count_; ++place) {
    std::copy_n(centroids + order_[place] * dim_, dim_, &points_[place * dim_]);
  }
  fit(Range{1, 0, count_});
}

// The box of a node, from the points of a leaf or from the boxes of its halves.
void CentroidTree::fit(const Range& range) {
  double* lower = &boxes_[range.node * 2 * dim_];
  double* upper = lower + dim_;
  if (range.is_leaf()) {
    std::copy_n(&points_[range.begin * dim_], dim_, lower);
    std::copy_n(lower, dim_, upper);
    lowest_[range.node] = *std::min_element(order_.begin() + range.begin, order_.begin() + range.end);
    for (std::uint32_t place = range.begin + 1; place < range.end; ++place) {
      for (std::size_t d = 0; d < dim_; ++d) {
        lower[d] = std::min(lower[d], points_[place * dim_ + d]);
        upper[d] = std::max(upper[d], points_[place * dim_ + d]);
      }
    }
    return;
  }
  fit(range.lower());
  fit(range.upper());
  lowest_[range.node] = std::min(lowest_[range.lower().node], lowest_[range.upper().node]);
  const double* below = &boxes_[range.lower().node * 2 * dim_];
  const double* above = &boxes_[range.upper().node * 2 * dim_];
  for (std::size_t d = 0; d < dim_; ++d) {
    lower[d] = std::min(below[d], above[d]);
    upper[d] = std::max(below[dim_ + d], above[dim_ + d]);
  }
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
  if (far_square < near_square || (far_square == near_square && lowest_[far.node] < lowest_[near.node])) {
    std::swap(near, far), std::swap(near_square, far_square);
  }
  if (is_open(near.node, near_square, best)) search(near, point, best);
  if (is_open(far.node, far_square, best)) search(far, point, best);
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
