#include "cpu/clustering/kmeans_candidates.h"

#include <algorithm>
#include <limits>

#include "core/support/multiversion.h"

namespace collide {

namespace {

constexpr std::size_t kLanes = 8;
typedef double Double8 __attribute__((vector_size(64)));
typedef std::int64_t Int8x64 __attribute__((vector_size(64)));

COLLIDE_MULTIVERSION
std::uint32_t nearest_of(const double* coordinates, const std::int64_t* indices, const double* squares,
                         std::size_t vectors, const float* point, std::size_t dim, double reach) {
  Double8 best = {};
  Int8x64 winner = {};
  for (std::size_t v = 0; v < vectors && (v == 0 || squares[v] <= reach); ++v) {
    Double8 square = {};
    for (std::size_t d = 0; d < dim; ++d) {
      Double8 at;
      __builtin_memcpy(&at, coordinates + (v * dim + d) * kLanes, sizeof(at));
      const Double8 difference = static_cast<double>(point[d]) - at;
      square += difference * difference;
    }
    Int8x64 index;
    __builtin_memcpy(&index, indices + v * kLanes, sizeof(index));
    if (v == 0) {
      best = square;
      winner = index;
      continue;
    }
    const Int8x64 better = (square < best) | ((square == best) & (index < winner));
    best = better ? square : best;
    winner = better ? index : winner;
  }
  // Without branches: which lane wins cannot be predicted.
  double least = best[0];
  for (std::size_t lane = 1; lane < kLanes; ++lane) least = best[lane] < least ? best[lane] : least;
  const Double8 all = Double8{} + least;
  const Int8x64 tied = best == all ? winner : Int8x64{} + std::numeric_limits<std::int64_t>::max();
  std::int64_t lowest = tied[0];
  for (std::size_t lane = 1; lane < kLanes; ++lane) lowest = tied[lane] < lowest ? tied[lane] : lowest;
  return static_cast<std::uint32_t>(lowest);
}

}  // namespace

void KmeansCandidates::load(const std::vector<std::uint32_t>& indices, const double* centroids, std::uint32_t own) {
  own_ = centroids + own * dim_;
  own_index_ = own;
  order_.clear();
  for (const std::uint32_t k : indices) order_.push_back({squared_distance(own_, centroids + k * dim_, dim_), k});
  std::sort(order_.begin(), order_.end());
  const std::size_t vectors = (indices.size() + kLanes - 1) / kLanes;
  squares_.resize(vectors);
  coordinates_.assign(vectors * dim_ * kLanes, std::numeric_limits<double>::infinity());
  indices_.assign(vectors * kLanes, std::numeric_limits<std::int64_t>::max());
  for (std::size_t k = 0; k < order_.size(); ++k) {
    const auto [square, index] = order_[k];
    indices_[k] = index;
    if (k % kLanes == 0) squares_[k / kLanes] = square;
    for (std::size_t d = 0; d < dim_; ++d) {
      coordinates_[(k / kLanes * dim_ + d) * kLanes + k % kLanes] = centroids[index * dim_ + d];
    }
  }
}

std::uint32_t KmeansCandidates::nearest(const float* point) const {
  const double near = reach(squared_distance(point, own_, dim_));
  if (order_.size() == 1 || near < order_[1].square) return own_index_;
  return nearest_of(coordinates_.data(), indices_.data(), squares_.data(), squares_.size(), point, dim_, near);
}

}  // namespace collide
