#include "cpu/clustering/kmeans.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <utility>

#include "cpu/clustering/centroid_tree.h"
#include "cpu/clustering/kmeans_candidates.h"
#include "cpu/clustering/kmeans_clusters.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kIdsPerTask = 4096;
constexpr std::uint32_t kRefit = 4;  // the tree is built anew when more than one in so many centroids has moved

// The assignments of ids to their nearest centroids, round by round.
class Assignment {
 public:
  Assignment(KmeansClusters& clusters, const KmeansOptions& options, const LearnerControl& control)
      : clusters_(clusters), options_(options), control_(control) {}

  void run() {
    plant();
    clusters_.begin();
    const std::size_t n = clusters_.members.size();
    parallel_for((n + kIdsPerTask - 1) / kIdsPerTask, control_.threads, [&](std::size_t task) {
      if (control_.aborted && control_.aborted()) return;
      Scratch scratch(clusters_.dim);
      const std::size_t end = std::min(n, (task + 1) * kIdsPerTask);
      // Members are grouped by cluster; one that goes over the border of a task is a group of both.
      for (std::size_t begin = task * kIdsPerTask; begin < end;) {
        const std::uint32_t cluster = clusters_.cluster[clusters_.members[begin]];
        const std::size_t group = std::min<std::size_t>(end, clusters_.starts[cluster + 1]);
        assign(cluster, begin, group, scratch);
        begin = group;
      }
    });
  }

 private:
  struct Scratch {
    explicit Scratch(std::size_t dim) : candidates(dim) {}
    std::vector<std::uint32_t> found;
    KmeansCandidates candidates;
  };

  // A tree of all centroids, and one of those that moved where they are not all.
  void plant() {
    std::vector<std::uint32_t> moving;
    for (std::uint32_t k = 0; k < options_.rows; ++k) {
      if (clusters_.moved[k] != 0) moving.push_back(k);
    }
    const double* centroids = clusters_.centroids.data();
    if (!all_ || moving.size() > options_.rows / kRefit) {
      std::vector<std::uint32_t> indices(options_.rows);
      std::iota(indices.begin(), indices.end(), 0u);
      all_ = std::make_unique<CentroidTree>(centroids, std::move(indices), clusters_.dim, control_.threads);
    } else {
      all_->fit(centroids);
    }
    moving_.reset();
    if (moving.empty()) return;
    moving_ = std::make_unique<CentroidTree>(centroids, std::move(moving), clusters_.dim, control_.threads);
  }

  void assign(std::uint32_t cluster, std::size_t begin, std::size_t end, Scratch& scratch) {
    const std::size_t dim = clusters_.dim;
    const bool settled = clusters_.settled(cluster);
    if (settled && !moving_) return;
    const CentroidTree& tree = settled ? *moving_ : *all_;
    const double* centroid = &clusters_.centroids[cluster * dim];
    const double reach = KmeansCandidates::reach(clusters_.radii[cluster]);
    const bool few = tree.within(centroid, reach, KmeansCandidates::kMost - 1, scratch.found);
    if (few && settled && !scratch.found.empty()) scratch.found.push_back(cluster);
    if (few && scratch.found.size() <= 1) return;  // nothing but its own
    if (few) scratch.candidates.load(scratch.found, clusters_.centroids.data(), cluster);
    for (std::size_t k = begin; k < end; ++k) {
      const std::uint32_t place = clusters_.members[k];
      const float* point = &clusters_.points[place * dim];
      const std::uint32_t nearest = few ? scratch.candidates.nearest(point)
                                        : tree.nearest(point, {squared_distance(point, centroid, dim), cluster}).index;
      if (nearest != cluster) clusters_.move(place, nearest);
    }
  }

  KmeansClusters& clusters_;
  const KmeansOptions& options_;
  const LearnerControl& control_;
  std::unique_ptr<CentroidTree> all_, moving_;
};

}  // namespace

KmeansClustering kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                        const std::vector<std::uint32_t>& start, const KmeansOptions& options,
                        const LearnerControl& control) {
  const auto aborted = [&] { return control.aborted && control.aborted(); };
  KmeansClusters clusters(points, dim, counts, start, options, control.threads);
  Assignment assignment(clusters, options, control);
  KmeansClustering result;
  if (options.iterations == 0 && control.progress) control.progress(0, 0);
  while (result.iterations < options.iterations && !aborted()) {
    assignment.run();
    if (aborted()) return result;
    result.moved = clusters.step();
    ++result.iterations;
    if (control.progress) control.progress(static_cast<double>(result.iterations), static_cast<double>(result.moved));
    if (result.moved == 0) break;
  }
  clusters.finish(counts, result);
  return result;
}

}  // namespace collide
