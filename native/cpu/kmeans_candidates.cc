#include "cpu/kmeans_candidates.h"

#include <limits>

#include "core/multiversion.h"

namespace collide {

namespace {

constexpr std::size_t kLanes = 8;
typedef double Double8 __attribute__((vector_size(64)));
typedef std::int64_t Int8x64 __attribute__((vector_size(64)));

COLLIDE_MULTIVERSION
std::uint32_t nearest_of(const double* coordinates, const std::int64_t* indices, std::size_t vectors,
                         const float* point, std::size_t dim) {
  Double8 best;
  Int8x64 winner;
  for (std::size_t v = 0; v < vectors; ++v) {
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
  std::size_t lane = 0;
  for (std::size_t other = 1; other < kLanes; ++other) {
    if (best[other] < best[lane] || (best[other] == best[lane] && winner[other] < winner[lane])) lane = other;
  }
  return static_cast<std::uint32_t>(winner[lane]);
}

}  // namespace

void KmeansCandidates::load(const std::vector<std::uint32_t>& indices, const double* centroids) {
  const std::size_t vectors = (indices.size() + kLanes - 1) / kLanes;
  coordinates_.assign(vectors * dim_ * kLanes, std::numeric_limits<double>::infinity());
  indices_.assign(vectors * kLanes, std::numeric_limits<std::int64_t>::max());
  for (std::size_t k = 0; k < indices.size(); ++k) {
    indices_[k] = indices[k];
    for (std::size_t d = 0; d < dim_; ++d) {
      coordinates_[(k / kLanes * dim_ + d) * kLanes + k % kLanes] = centroids[indices[k] * dim_ + d];
    }
  }
}

std::uint32_t KmeansCandidates::nearest(const float* point) const {
  return nearest_of(coordinates_.data(), indices_.data(), indices_.size() / kLanes, point, dim_);
}

}  // namespace collide
