#include "cpu/kmeans_clusters.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>
#include <tuple>
#include <unordered_map>

#include "cpu/centroid_tree.h"
#include "cpu/thread_pool.h"

namespace collide {

namespace {

constexpr double kLeastCount = 0.3;  // keeps ids that were never seen from weighing nothing
constexpr std::size_t kMeanTasks = 256;

double weight_of(double count, KmeansWeight weight) {
  if (weight == KmeansWeight::kUniform) return 1;
  return weight == KmeansWeight::kCount ? count + kLeastCount : std::sqrt(count + kLeastCount);
}

// Runs body(cluster) for all clusters, a few hundred tasks of neighbouring ones.
template <typename Body>
void for_clusters(std::size_t rows, unsigned threads, const Body& body) {
  const std::size_t per_task = (rows + kMeanTasks - 1) / kMeanTasks;
  parallel_for((rows + per_task - 1) / per_task, threads, [&](std::size_t task) {
    const std::size_t end = std::min(rows, (task + 1) * per_task);
    for (std::size_t k = task * per_task; k < end; ++k) body(static_cast<std::uint32_t>(k));
  });
}

}  // namespace

KmeansClusters::KmeansClusters(const std::vector<float>& given, std::size_t width, const std::vector<double>& counts,
                               const std::vector<std::uint32_t>& start, const KmeansOptions& options)
    : dim(width), rows_(options.rows), threads_(options.threads) {
  const std::size_t n = counts.size();
  members.resize(n);
  group(start);
  ids_ = members;
  points.resize(n * dim);
  cluster.resize(n);
  weights_.resize(n);
  for (std::size_t place = 0; place < n; ++place) {
    const std::uint32_t id = ids_[place];
    std::copy_n(&given[id * dim], dim, &points[place * dim]);
    cluster[place] = start[id];
    weights_[place] = weight_of(counts[id], options.weight);
  }
  std::iota(members.begin(), members.end(), 0u);
  centroids.resize(rows_ * dim);
  radii.resize(rows_);
  moved.resize(rows_);
  loose_.resize(rows_);
  changed_.assign(rows_, 1);
  take_means();
  std::fill(moved.begin(), moved.end(), 1);
}

// A counting sort of 0 .. n - 1 by cluster, stable.
void KmeansClusters::group(const std::vector<std::uint32_t>& clusters) {
  starts.assign(rows_ + std::size_t{1}, 0);
  for (const std::uint32_t k : clusters) ++starts[k + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<std::uint32_t> ends(starts.begin(), starts.end() - 1);
  for (std::size_t i = 0; i < clusters.size(); ++i) members[ends[clusters[i]]++] = static_cast<std::uint32_t>(i);
}

void KmeansClusters::mean_of(const std::uint32_t* places, std::size_t count, double* mean) const {
  double total = 0;
  std::fill_n(mean, dim, 0.0);
  for (std::size_t k = 0; k < count; ++k) {
    const double weight = weights_[places[k]];
    total += weight;
    for (std::size_t d = 0; d < dim; ++d) mean[d] += weight * static_cast<double>(points[places[k] * dim + d]);
  }
  for (std::size_t d = 0; d < dim; ++d) mean[d] /= total;
}

double KmeansClusters::error_of(const std::uint32_t* places, std::size_t count, const double* mean) const {
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) {
    sum += weights_[places[k]] * squared_distance(&points[places[k] * dim], mean, dim);
  }
  return sum;
}

// Of the clusters that changed: the others' would come out the same.
void KmeansClusters::take_means() {
  for_clusters(rows_, threads_, [&](std::uint32_t k) {
    if (changed_[k] == 0) {
      moved[k] = 0;
      return;
    }
    const std::uint32_t* places = &members[starts[k]];
    const std::size_t size = starts[k + 1] - starts[k];
    double* centroid = &centroids[k * dim];
    const std::vector<double> before(centroid, centroid + dim);
    mean_of(places, size, centroid);
    moved[k] = std::equal(before.begin(), before.end(), centroid) ? 0 : 1;
    changed_[k] = 0;
    radii[k] = 0;
    for (std::size_t m = 0; m < size; ++m) {
      radii[k] = std::max(radii[k], squared_distance(&points[places[m] * dim], centroid, dim));
    }
  });
}

std::uint64_t KmeansClusters::step() {
  std::fill(loose_.begin(), loose_.end(), 0);
  group(next_);
  if (std::adjacent_find(starts.begin(), starts.end()) != starts.end()) {
    fill_empty();
    group(next_);
  }
  std::uint64_t count = 0;
  for (std::size_t place = 0; place < next_.size(); ++place) count += next_[place] != cluster[place] ? 1 : 0;
  cluster.swap(next_);
  take_means();
  return count;
}

// The one with most error is split first; of equals (all 0: nothing but duplicates) the largest, then the lowest.
bool KmeansClusters::Spread::operator<(const Spread& other) const {
  return std::tie(error, size, other.cluster) < std::tie(other.error, other.size, cluster);
}

KmeansClusters::Spread KmeansClusters::spread_of(std::uint32_t k, const std::uint32_t* places,
                                                 std::size_t count) const {
  std::vector<double> mean(dim);
  mean_of(places, count, mean.data());
  return {error_of(places, count, mean.data()), static_cast<std::uint32_t>(count), k};
}

// Orders the places along the axis of most weighted variance (ties: the first axis, the lower place) and returns where
// the running weight first reaches half of the total, at least one id on each side.
std::size_t KmeansClusters::halve(std::vector<std::uint32_t>& places) const {
  std::vector<double> mean(dim), variance(dim);
  mean_of(places.data(), places.size(), mean.data());
  double total = 0;
  for (const std::uint32_t place : places) {
    total += weights_[place];
    for (std::size_t d = 0; d < dim; ++d) {
      const double difference = static_cast<double>(points[place * dim + d]) - mean[d];
      variance[d] += weights_[place] * difference * difference;
    }
  }
  const std::size_t axis = std::max_element(variance.begin(), variance.end()) - variance.begin();
  std::stable_sort(places.begin(), places.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return points[a * dim + axis] < points[b * dim + axis]; });
  double sum = 0;
  std::size_t cut = 0;
  while (cut + 1 < places.size() && sum < total / 2) sum += weights_[places[cut++]];
  return cut;
}

// Every empty cluster, in ascending order, gets the upper half of the cluster with most weighted squared error.
void KmeansClusters::fill_empty() {
  std::priority_queue<Spread> widest;
  for (std::uint32_t k = 0; k < rows_; ++k) {
    const std::uint32_t size = starts[k + 1] - starts[k];
    if (size > 1) widest.push(spread_of(k, &members[starts[k]], size));
  }
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> halves;  // clusters that differ from `members` by now
  const auto keep = [&](std::uint32_t k, std::vector<std::uint32_t> places) {
    std::sort(places.begin(), places.end());
    if (places.size() > 1) widest.push(spread_of(k, places.data(), places.size()));
    halves[k] = std::move(places);
  };
  for (std::uint32_t empty = 0; empty < rows_; ++empty) {
    if (starts[empty + 1] != starts[empty]) continue;
    const std::uint32_t source = widest.top().cluster;  // one is left: there are at least as many ids as clusters
    widest.pop();
    const auto known = halves.find(source);
    auto places = known != halves.end()
                      ? std::move(known->second)
                      : std::vector(members.begin() + starts[source], members.begin() + starts[source + 1]);
    const std::size_t cut = halve(places);
    for (std::size_t k = cut; k < places.size(); ++k) next_[places[k]] = empty;
    for (const std::uint32_t k : {source, empty}) changed_[k] = loose_[k] = 1;
    keep(empty, {places.begin() + cut, places.end()});
    places.resize(cut);
    keep(source, std::move(places));
  }
}

void KmeansClusters::finish(const std::vector<double>& counts, KmeansClustering& result) {
  result.assignment.resize(ids_.size());
  for (std::size_t place = 0; place < ids_.size(); ++place) result.assignment[ids_[place]] = cluster[place];
  result.sizes.resize(rows_);
  result.counts.resize(rows_);
  std::vector<double> errors(rows_);
  for_clusters(rows_, threads_, [&](std::uint32_t k) {
    const std::uint32_t size = starts[k + 1] - starts[k];
    result.sizes[k] = size;
    errors[k] = error_of(&members[starts[k]], size, &centroids[k * dim]);
    for (std::size_t m = starts[k]; m < starts[k + 1]; ++m) result.counts[k] += counts[ids_[members[m]]];
  });
  result.distortion = std::accumulate(errors.begin(), errors.end(), 0.0);
  result.centroids = std::move(centroids);
}

}  // namespace collide
