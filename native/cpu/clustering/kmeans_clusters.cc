#include "cpu/clustering/kmeans_clusters.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/clustering/kmeans_split.h"
#include "cpu/clustering/centroid_tree.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kMeanTasks = 256;

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
                               const std::vector<std::uint32_t>& start, const KmeansOptions& options, unsigned threads)
    : KmeansPlaces(given, width, counts, start, options), rows_(options.rows), threads_(threads) {
  group_by_cluster(cluster, rows_, members, starts);
  centroids.resize(rows_ * dim);
  radii.resize(rows_);
  moved.resize(rows_);
  loose_.resize(rows_);
  changed_.assign(rows_, 1);
  take_means();
  std::fill(moved.begin(), moved.end(), 1);
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
  group_by_cluster(next_, rows_, members, starts);
  if (std::adjacent_find(starts.begin(), starts.end()) != starts.end()) {
    fill_empty();
    group_by_cluster(next_, rows_, members, starts);
  }
  std::uint64_t count = 0;
  for (std::size_t place = 0; place < next_.size(); ++place) count += next_[place] != cluster[place] ? 1 : 0;
  cluster.swap(next_);
  take_means();
  return count;
}

void KmeansClusters::fill_empty() {
  std::vector<std::uint32_t> empty;
  std::vector<KmeansSpread> spreads;
  std::vector<double> mean(dim);
  for (std::uint32_t k = 0; k < rows_; ++k) {
    const std::uint32_t size = starts[k + 1] - starts[k];
    if (size == 0) empty.push_back(k);
    if (size < 2) continue;
    mean_of(&members[starts[k]], size, mean.data());
    spreads.push_back({error_of(&members[starts[k]], size, mean.data()), size, k});
  }
  const auto members_of = [this](std::uint32_t k) {
    return std::vector(members.begin() + starts[k], members.begin() + starts[k + 1]);
  };
  split_widest(*this, std::move(spreads), empty, members_of,
               [this](std::uint32_t place, std::uint32_t from, std::uint32_t to) {
                 next_[place] = to;
                 for (const std::uint32_t k : {from, to}) changed_[k] = loose_[k] = 1;
               });
}

void KmeansClusters::finish(const std::vector<double>& counts, KmeansClustering& result) {
  result.assignment.resize(ids.size());
  for (std::size_t place = 0; place < ids.size(); ++place) result.assignment[ids[place]] = cluster[place];
  result.sizes.resize(rows_);
  result.counts.resize(rows_);
  std::vector<double> errors(rows_);
  for_clusters(rows_, threads_, [&](std::uint32_t k) {
    const std::uint32_t size = starts[k + 1] - starts[k];
    result.sizes[k] = size;
    errors[k] = error_of(&members[starts[k]], size, &centroids[k * dim]);
    for (std::size_t m = starts[k]; m < starts[k + 1]; ++m) result.counts[k] += counts[ids[members[m]]];
  });
  result.distortion = std::accumulate(errors.begin(), errors.end(), 0.0);
  result.centroids = std::move(centroids);
}

}  // namespace collide
