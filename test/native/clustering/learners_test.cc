// Plain checks of cpu/clustering/lsh.h and cpu/clustering/optimal_bins.h: invariants on random input, the published
// vectors, bad input, abort.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "checks.h"
#include "core/support/random.h"
#include "cpu/clustering/lsh.h"
#include "cpu/clustering/optimal_bins.h"

namespace {

using collide::BinSearch;
using collide::checks::check;
using collide::checks::rejects;

std::vector<std::size_t> sizes_of(const std::vector<std::uint32_t>& assignment, std::size_t rows) {
  std::vector<std::size_t> sizes(rows);
  for (const std::uint32_t row : assignment) ++sizes.at(row);
  return sizes;
}

void lsh_uses_every_row() {
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    const std::size_t ids = 1 + collide::mix64(seed) % 3000, dim = 1 + seed % 3, hashes = 1 + seed % 4;
    const std::uint32_t rows = 1 + static_cast<std::uint32_t>(collide::mix64(seed + 99) % 400);
    std::vector<float> points(ids * dim);
    for (std::size_t k = 0; k < points.size(); ++k) {
      const float u = collide::uniform01(seed, k);
      points[k] = seed % 3 == 0 ? std::floor(u * 3) : seed % 3 == 1 ? u - .5f : (u - .5f) / (u * u + .001f);
    }
    std::vector<double> directions((hashes + 1) * dim), offsets(hashes + 1);
    for (std::size_t k = 0; k < directions.size(); ++k) directions[k] = collide::uniform01(seed + 1, k) * 2 - 1;
    for (std::size_t j = 0; j < offsets.size(); ++j) offsets[j] = collide::uniform01(seed + 2, j);
    const std::size_t used = std::min<std::size_t>(rows, ids), average = (ids + used - 1) / used;
    const std::uint64_t max_size = seed % 5 == 0 ? 0 : average * (1 + seed % 4);
    const collide::LshClustering learned =
        collide::lsh(points, dim, directions, offsets, {rows, max_size}, {{}, {}, 1});
    const auto sizes = sizes_of(learned.assignment, used);
    check(*std::min_element(sizes.begin(), sizes.end()) > 0, "lsh: every row is used");
    const auto largest = *std::max_element(sizes.begin(), sizes.end());
    check(max_size == 0 || largest <= max_size, "lsh: rows keep to their limit");
    check(learned.width > 0 && learned.buckets >= 1 && learned.buckets <= used, "lsh: statistics");
  }
}

void lsh_threads() {
  for (const bool tied : {false, true}) {
    std::vector<float> points(150000);
    for (std::size_t k = 0; k < points.size(); ++k) {
      points[k] = collide::uniform01(7, k);
      if (tied) points[k] = std::floor(points[k] * 40);
    }
    const std::vector<double> directions = {.3, 1, -1, .2, .7, -.6}, offsets = {.1, .9, .4};
    const auto alone = collide::lsh(points, 2, directions, offsets, {5000, 100}, {{}, {}, 1});
    for (const unsigned threads : {2u, 5u}) {
      const auto many = collide::lsh(points, 2, directions, offsets, {5000, 100}, {{}, {}, threads});
      check(many.assignment == alone.assignment && many.width == alone.width, "lsh: threads agree");
    }
  }
}

void lsh_bad_input() {
  const auto call = [](std::vector<float> points, std::size_t dim, std::vector<double> directions,
                       std::vector<double> offsets, const collide::LshOptions& options) {
    return [=] { collide::lsh(points, dim, directions, offsets, options); };
  };
  rejects("1 to 2^32 - 1 ids, received 0", call({}, 1, {1, 1}, {0, 0}, {1, 0}));
  rejects("1 * dim values", call({1, 2, 3}, 2, {1, 1, 1, 1}, {0, 0}, {1, 0}));
  rejects("two directions", call({1, 2}, 1, {1}, {0}, {1, 0}));
  rejects("3 values and 2 offsets", call({1, 2}, 1, {1, 1, 1}, {0, 0}, {1, 0}));
  rejects("rows >= 1", call({1, 2}, 1, {1, 1}, {0, 0}, {0, 0}));
  rejects("room for 3 ids in 2 rows", call({1, 2, 3}, 1, {1, 1}, {0, 0}, {2, 1}));
  rejects("for id 1", call({1, std::numeric_limits<float>::infinity()}, 1, {1, 1}, {0, 0}, {1, 0}));
  int polls = 0;
  std::vector<float> points(1000);
  for (std::size_t k = 0; k < points.size(); ++k) points[k] = collide::uniform01(1, k);
  const auto stopped = collide::lsh(points, 1, {1, 1}, {.3, .3}, {100, 0}, {[&] { return ++polls > 2; }, {}});
  check(polls == 3 && stopped.assignment.empty(), "lsh: stops between two widths");
}

void published_bins() {
  const std::vector<double> x = {-.4, .1, .11, .12, .5, .52, .55, .9}, w = {7, 40, .5, 2, 1, 300, 1, 1};
  const double costs[] = {1.6548959996, .1460003727, .0021020218, .0012010240};
  const std::vector<std::uint32_t> cuts[] = {{4}, {1, 4}, {1, 4, 7}, {1, 4, 6, 7}};
  for (std::size_t k = 0; k < 4; ++k) {
    for (const BinSearch search : {BinSearch::kLayers, BinSearch::kLagrangian}) {
      const collide::OptimalBins bins = collide::optimal_bins(x, w, k + 2, {}, search);
      check(std::abs(bins.cost - costs[k]) < 1e-10, "published vector: cost");
      std::vector<std::uint32_t> expected(8);
      for (const std::uint32_t cut : cuts[k]) {
        for (std::size_t i = cut; i < 8; ++i) ++expected[i];
      }
      check(bins.assignment == expected, "published vector: cuts");
    }
  }
}

void both_searches_agree() {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const std::size_t n = 1 + collide::mix64(seed) % 300;
    const std::uint64_t rows = 1 + collide::mix64(seed + 5) % 320;
    std::vector<double> values(n), weights(n);
    for (std::size_t i = 0; i < n; ++i) {
      const double u = collide::uniform01(seed, i);
      values[i] = seed % 3 == 0 ? std::floor(u * 40) : seed % 3 == 1 ? u * 1e6 : (u - .5) / (u * u + .01);
      weights[i] = seed % 4 == 0 ? 1 : std::floor(static_cast<double>(collide::uniform01(seed + 1, i)) * 4);  // 0, too
    }
    const auto layers = collide::optimal_bins(values, weights, rows, {}, BinSearch::kLayers);
    const auto lagrangian = collide::optimal_bins(values, weights, rows, {}, BinSearch::kLagrangian);
    const double scale = collide::optimal_bins(values, weights, 1).cost;
    check(std::abs(layers.cost - lagrangian.cost) <= 1e-13 * scale, "bins: both searches find the least cost");
    for (const auto& bins : {layers, lagrangian}) {
      const auto sizes = sizes_of(bins.assignment, std::min<std::size_t>(rows, n));
      check(*std::min_element(sizes.begin(), sizes.end()) > 0, "bins: every one is used");
    }
  }
}

void bins_bad_input() {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  rejects("1 to 2^32 - 1", [] { collide::optimal_bins({}, {}, 1); });
  rejects("as many weights", [] { collide::optimal_bins({1, 2}, {1}, 1); });
  rejects("rows >= 1", [] { collide::optimal_bins({1}, {1}, 0); });
  rejects("values", [=] { collide::optimal_bins({1, nan}, {1, 1}, 1); });
  rejects("weights", [=] { collide::optimal_bins({1, 2}, {1, nan}, 1); });
  rejects("received -1 at index 0", [] { collide::optimal_bins({1, 2}, {-1, 1}, 1); });
  const std::vector<double> values = {1, 2, 4, 8, 16, 32};
  for (const BinSearch search : {BinSearch::kLayers, BinSearch::kLagrangian}) {
    const auto stopped = collide::optimal_bins(values, std::vector<double>(6, 1), 3, {[] { return true; }, {}}, search);
    check(stopped.assignment.empty(), "bins: stops when asked");
  }
}

}  // namespace

int main() {
  lsh_uses_every_row();
  lsh_threads();
  lsh_bad_input();
  published_bins();
  both_searches_agree();
  bins_bad_input();
  return collide::checks::summary();
}
