#include "core/clustering/kmeans_places.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/clustering/squared_distance.h"

namespace collide {

namespace {

constexpr double kLeastCount = 0.3;  // keeps ids that were never seen from weighing nothing

double weight_of(double count, KmeansWeight weight) {
  if (weight == KmeansWeight::kUniform) return 1;
  return weight == KmeansWeight::kCount ? count + kLeastCount : std::sqrt(count + kLeastCount);
}

}  // namespace

void group_by_cluster(const std::vector<std::uint32_t>& clusters, std::uint32_t rows,
                      std::vector<std::uint32_t>& members, std::vector<std::uint32_t>& starts) {
  members.resize(clusters.size());
  starts.assign(rows + std::size_t{1}, 0);
  for (const std::uint32_t k : clusters) ++starts[k + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<std::uint32_t> ends(starts.begin(), starts.end() - 1);
  for (std::size_t i = 0; i < clusters.size(); ++i) members[ends[clusters[i]]++] = static_cast<std::uint32_t>(i);
}

KmeansPlaces::KmeansPlaces(const std::vector<float>& given, std::size_t width, const std::vector<double>& counts,
                           const std::vector<std::uint32_t>& start, const KmeansOptions& options)
    : dim(width) {
  const std::size_t n = counts.size();
  std::vector<std::uint32_t> starts;
  group_by_cluster(start, options.rows, ids, starts);
  points.resize(n * dim);
  weights.resize(n);
  cluster.resize(n);
  for (std::size_t place = 0; place < n; ++place) {
    const std::uint32_t id = ids[place];
    std::copy_n(&given[id * dim], dim, &points[place * dim]);
    weights[place] = weight_of(counts[id], options.weight);
    cluster[place] = start[id];
  }
}

void KmeansPlaces::mean_of(const std::uint32_t* places, std::size_t count, double* mean) const {
  double total = 0;
  std::fill_n(mean, dim, 0.0);
  const auto add = [&](std::size_t begin, std::size_t end, double* sums) {
    double sum = 0;
    for (std::size_t k = begin; k < end; ++k) {
      const double weight = weights[places[k]];
      sum += weight;
      for (std::size_t d = 0; d < dim; ++d) sums[d] += weight * static_cast<double>(points[places[k] * dim + d]);
    }
    total += sum;
  };
  if (count <= kPiece) {
    add(0, count, mean);
  } else {
    std::vector<double> sums(dim);
    for (std::size_t begin = 0; begin < count; begin += kPiece) {
      std::fill(sums.begin(), sums.end(), 0.0);
      add(begin, std::min(count, begin + kPiece), sums.data());
      for (std::size_t d = 0; d < dim; ++d) mean[d] += sums[d];
    }
  }
  for (std::size_t d = 0; d < dim; ++d) mean[d] /= total;
}

double KmeansPlaces::error_of(const std::uint32_t* places, std::size_t count, const double* mean) const {
  double error = 0;
  for (std::size_t begin = 0; begin < count; begin += kPiece) {
    double sum = 0;
    for (std::size_t k = begin; k < std::min(count, begin + kPiece); ++k) {
      sum += weights[places[k]] * squared_distance(&points[places[k] * dim], mean, dim);
    }
    error += sum;
  }
  return error;
}

}  // namespace collide
