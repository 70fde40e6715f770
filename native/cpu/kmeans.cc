#include "cpu/kmeans.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "cpu/centroid_tree.h"
#include "cpu/kmeans_candidates.h"
#include "cpu/kmeans_clusters.h"
#include "cpu/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kIdsPerTask = 4096;
// Twice the radius, a little more: the distances behind it are rounded.
constexpr double kReach = 4 * (1 + 1e-9);

void check_input(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                 const std::vector<std::uint32_t>& start, const KmeansOptions& options) {
  const std::size_t n = counts.size();
  if (n == 0 || n > std::numeric_limits<std::uint32_t>::max()) {
    fail("INVALID_ARGUMENT", "Expected 1 to 2^32 - 1 ids, received ", n);
  }
  if (dim == 0 || points.size() != n * dim || start.size() != n) {
    fail("INVALID_ARGUMENT", "Expected ", n, " x dim values and ", n, " start clusters, received ", points.size(),
         " values, dim ", dim, " and ", start.size(), " start clusters");
  }
  if (options.rows < 1 || options.rows > n) {
    fail("INVALID_ARGUMENT", "Expected 1 to ", n, " rows, received ", options.rows);
  }
  std::vector<bool> used(options.rows);
  for (std::size_t i = 0; i < n; ++i) {
    if (!(counts[i] >= 0 && counts[i] <= 9007199254740991.0 && counts[i] == std::floor(counts[i]))) {
      fail("INVALID_ARGUMENT", "Expected whole numbers from 0 for counts, received ", counts[i], " at index ", i);
    }
    if (start[i] >= options.rows) {
      fail("INVALID_ARGUMENT", "Expected start clusters below ", options.rows, ", received ", start[i], " at index ",
           i);
    }
    used[start[i]] = true;
  }
  for (std::size_t k = 0; k < points.size(); ++k) {
    if (!std::isfinite(points[k])) {
      fail("INVALID_ARGUMENT", "Expected finite values, received ", points[k], " for id ", k / dim);
    }
  }
  const auto unused = std::find(used.begin(), used.end(), false);
  if (unused != used.end()) {
    fail("INVALID_ARGUMENT", "Expected a start that uses every cluster, but none of its ids is in ",
         unused - used.begin());
  }
}

// One assignment of all ids to the nearest centroid; returns how many ids change their cluster.
class Assignment {
 public:
  Assignment(KmeansClusters& clusters, const KmeansOptions& options, const KmeansControl& control)
      : clusters_(clusters),
        tree_(clusters.centroids.data(), options.rows, clusters.dim),
        threads_(options.threads),
        control_(control) {}

  void run() {
    const std::size_t n = clusters_.members.size();
    parallel_for((n + kIdsPerTask - 1) / kIdsPerTask, threads_, [&](std::size_t task) {
      if (control_.aborted && control_.aborted()) return;
      Scratch scratch(clusters_.dim);
      const std::size_t end = std::min(n, (task + 1) * kIdsPerTask);
      // Members are grouped by cluster; a cluster that goes over the border of a task is two groups with balls of
      // their own.
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
    std::vector<double> squares;
    std::vector<std::uint32_t> found;
    KmeansCandidates candidates;
  };

  void assign(std::uint32_t cluster, std::size_t begin, std::size_t end, Scratch& scratch) {
    const std::size_t dim = clusters_.dim;
    const double* centroid = &clusters_.centroids[cluster * dim];
    const std::uint32_t* members = &clusters_.members[begin];
    scratch.squares.resize(end - begin);
    double radius = 0;
    for (std::size_t k = 0; k < end - begin; ++k) {
      scratch.squares[k] = squared_distance(&clusters_.points[members[k] * dim], centroid, dim);
      radius = std::max(radius, scratch.squares[k]);
    }
    if (!tree_.within(centroid, kReach * radius, KmeansCandidates::kMost, scratch.found)) {
      for (std::size_t k = 0; k < end - begin; ++k) {
        const Neighbour own{scratch.squares[k], cluster};
        clusters_.next[members[k]] = tree_.nearest(&clusters_.points[members[k] * dim], own).index;
      }
      return;
    }
    if (scratch.found.size() > 1) scratch.candidates.load(scratch.found, clusters_.centroids.data());
    for (std::size_t k = 0; k < end - begin; ++k) {
      clusters_.next[members[k]] =
          scratch.found.size() > 1 ? scratch.candidates.nearest(&clusters_.points[members[k] * dim]) : cluster;
    }
  }

  KmeansClusters& clusters_;
  CentroidTree tree_;
  unsigned threads_;
  const KmeansControl& control_;
};

}  // namespace

KmeansClustering kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                        const std::vector<std::uint32_t>& start, const KmeansOptions& options,
                        const KmeansControl& control) {
  check_input(points, dim, counts, start, options);
  const auto aborted = [&] { return control.aborted && control.aborted(); };
  KmeansClusters clusters(points, dim, counts, start, options);
  KmeansClustering result;
  while (result.iterations < options.iterations && !aborted()) {
    Assignment(clusters, options, control).run();
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
