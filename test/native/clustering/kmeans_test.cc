// Plain checks of cpu/clustering/kmeans.h and the tree behind it: nearest centroids against all distances, threads,
// abort, bad input.
#include "cpu/clustering/kmeans.h"

#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "checks.h"
#include "core/support/random.h"
#include "cpu/clustering/centroid_tree.h"

namespace {

using collide::KmeansClustering;
using collide::KmeansOptions;
using collide::KmeansWeight;
using collide::checks::check;
using collide::checks::rejects;

struct Case {
  std::size_t dim;
  std::vector<float> points;
  std::vector<double> counts;
  std::vector<std::uint32_t> start;
};

// Few distinct values (ties), a heavy tail, or neither.
Case make_case(std::uint64_t seed, std::size_t ids, std::size_t dim, std::uint32_t rows) {
  Case c{dim, std::vector<float>(ids * dim), std::vector<double>(ids), std::vector<std::uint32_t>(ids)};
  for (std::size_t k = 0; k < ids * dim; ++k) {
    const float u = collide::uniform01(seed, k);
    c.points[k] = seed % 3 == 0 ? std::floor(u * 5) : seed % 3 == 1 ? u : (u - .5f) / (u * u + .001f);
  }
  for (std::size_t id = 0; id < ids; ++id) {
    c.counts[id] = static_cast<double>(collide::mix64(seed ^ id) % 50);
    c.start[id] = static_cast<std::uint32_t>(id * rows / ids);
  }
  return c;
}

KmeansClustering run(const Case& c, const KmeansOptions& options, const collide::LearnerControl& control = {}) {
  return collide::kmeans(c.points, c.dim, c.counts, c.start, options, control);
}

void tree() {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::size_t dim = 1 + seed % 4;
    const std::uint32_t count = 1 + static_cast<std::uint32_t>(collide::mix64(seed) % 400);
    const Case c = make_case(seed, count, dim, 1);
    const std::vector<double> centroids(c.points.begin(), c.points.end());
    std::vector<std::uint32_t> indices(count);
    std::iota(indices.begin(), indices.end(), 0u);
    std::vector<double> elsewhere(centroids.rbegin(), centroids.rend());
    collide::CentroidTree tree(elsewhere.data(), indices, dim, 1 + seed % 2);
    tree.fit(centroids.data());
    std::vector<std::uint32_t> found;
    for (std::size_t q = 0; q < 50; ++q) {
      std::vector<float> point(dim);
      for (std::size_t d = 0; d < dim; ++d) point[d] = collide::uniform01(seed + 1000, q * dim + d) * 5;
      collide::Neighbour best{std::numeric_limits<double>::infinity(), 0};
      std::size_t inside = 0;
      const std::vector<double> centre(point.begin(), point.end());
      for (std::uint32_t k = 0; k < count; ++k) {
        const double square = collide::squared_distance(point.data(), &centroids[k * dim], dim);
        best = std::min(best, {square, k});
        inside += square <= 1.5 ? 1 : 0;
      }
      const auto nearest = tree.nearest(point.data(), {std::numeric_limits<double>::infinity(), count});
      check(nearest.index == best.index && nearest.square == best.square, "tree: the nearest, the lower of equals");
      check(tree.within(centre.data(), 1.5, count, found) && found.size() == inside, "tree: all within a ball");
      if (inside > 1) check(!tree.within(centre.data(), 1.5, inside - 1, found), "tree: more than wanted");
    }
  }
}

// After one round every id is at its nearest centroid, unless it was given to a cluster that nobody is nearest to.
void assignment() {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::uint32_t rows = 1 + static_cast<std::uint32_t>(collide::mix64(seed) % 300);
    const Case c = make_case(seed, 300 + collide::mix64(seed + 7) % 4000, 1 + seed % 3, rows);
    const std::size_t ids = c.counts.size();
    const KmeansClustering before = run(c, {rows, KmeansWeight::kSqrt, 0}, {{}, {}, 1});
    const KmeansClustering after = run(c, {rows, KmeansWeight::kSqrt, 1}, {{}, {}, 1});
    std::vector<std::uint32_t> nearest(ids);
    std::vector<bool> used(rows), wanted(rows);
    for (std::size_t id = 0; id < ids; ++id) {
      collide::Neighbour best{std::numeric_limits<double>::infinity(), 0};
      for (std::uint32_t k = 0; k < rows; ++k) {
        const double* centroid = &before.centroids[k * c.dim];
        best = std::min(best, {collide::squared_distance(&c.points[id * c.dim], centroid, c.dim), k});
      }
      nearest[id] = best.index;
      wanted[best.index] = used[after.assignment[id]] = true;
    }
    bool right = true, all = true;
    for (std::size_t id = 0; id < ids; ++id)
      right &= after.assignment[id] == nearest[id] || !wanted[after.assignment[id]];
    for (std::uint32_t k = 0; k < rows; ++k) all &= used[k];
    check(right, "ids are at their nearest centroids");
    check(all, "every cluster is used");
    check(after.distortion <= before.distortion * (1 + 1e-12), "a round does not raise the distortion");
  }
}

// Many rounds, of which late ones look only at what has moved, are the same as one round after the other, each of which
// knows nothing of the one before. Coordinates are multiples of 2^-10 and weights 1: sums are exact in any order. (Not
// for seeds with few distinct values: the halves of a cluster of equals depend on the start.)
void late_rounds() {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    if (seed % 3 == 0) continue;
    const std::uint32_t rows = 20 + static_cast<std::uint32_t>(collide::mix64(seed) % 900);
    Case c = make_case(seed, 12000, 1 + seed % 3, rows);
    for (float& value : c.points) value = std::round(value * 1024) / 1024;
    const KmeansClustering many = run(c, {rows, KmeansWeight::kUniform, 25}, {{}, {}, 2});
    KmeansClustering one;
    std::uint64_t rounds = 0;
    do {
      one = run(c, {rows, KmeansWeight::kUniform, 1}, {{}, {}, 1});
      c.start = one.assignment;
    } while (++rounds < 25 && one.moved > 0);
    check(many.iterations == rounds && many.moved == one.moved && many.assignment == one.assignment &&
              many.centroids == one.centroids,
          "late rounds agree, seed " + std::to_string(seed));
  }
}

void threads() {
  const Case c = make_case(1, 30000, 2, 500);
  const KmeansClustering alone = run(c, {500, KmeansWeight::kCount, 8}, {{}, {}, 1});
  for (const unsigned count : {2u, 5u}) {
    const KmeansClustering many = run(c, {500, KmeansWeight::kCount, 8}, {{}, {}, count});
    check(many.assignment == alone.assignment && many.centroids == alone.centroids && many.sizes == alone.sizes &&
              many.counts == alone.counts && many.distortion == alone.distortion && many.moved == alone.moved,
          "the same bits for any number of threads");
  }
}

void abort_and_progress() {
  const Case c = make_case(1, 30000, 2, 500);
  std::atomic<bool> stop{false};
  double rounds = 0;
  const collide::LearnerControl control = {[&] { return stop.load(); },
                                           [&](double round, double) {
                                             rounds = round;
                                             stop = round >= 2;
                                           },
                                           2};
  const KmeansClustering stopped = run(c, {500, KmeansWeight::kCount, 1000000}, control);
  check(rounds == 2 && stopped.iterations <= 3, "stops within a round");
}

void bad_input() {
  const KmeansOptions two = {2, KmeansWeight::kCount, 5};
  const auto call = [&](std::vector<float> points, std::vector<double> counts, std::vector<std::uint32_t> start,
                        const KmeansOptions& options, std::size_t dim = 1) {
    return [=] { collide::check_kmeans(points, dim, counts, start, options); };
  };
  rejects("1 to 2^32 - 1 ids", call({}, {}, {}, two));
  rejects("dim 0", call({1, 2}, {1, 1}, {0, 1}, two, 0));
  rejects("2 * dim values", call({1, 2, 3}, {1, 1}, {0, 1}, two));
  rejects("Expected 2 start clusters, received 1", call({1, 2}, {1, 1}, {0}, two));
  rejects("1 to 2 rows", call({1, 2}, {1, 1}, {0, 1}, {3, KmeansWeight::kCount, 5}));
  rejects("1 to 2 rows", call({1, 2}, {1, 1}, {0, 1}, {0, KmeansWeight::kCount, 5}));
  rejects("received -1 at index 1", call({1, 2}, {1, -1}, {0, 1}, two));
  rejects("received 0.5 at index 1", call({1, 2}, {1, .5}, {0, 1}, two));
  rejects("received 2 at index 1", call({1, 2}, {1, 1}, {0, 2}, two));
  rejects("none of its ids is in 0", call({1, 2}, {1, 1}, {1, 1}, two));
  rejects("for id 1", call({1, std::numeric_limits<float>::quiet_NaN()}, {1, 1}, {0, 1}, two));
}

}  // namespace

int main() {
  tree();
  assignment();
  late_rounds();
  threads();
  abort_and_progress();
  bad_input();
  return collide::checks::summary();
}
