// Plain checks of the learners that cut an order of ids: the sort (cpu/clustering/key_sort.h), equal-mass bins and the
// kd-tree.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "checks.h"
#include "core/support/random.h"
#include "cpu/clustering/equal_mass.h"
#include "cpu/clustering/kd_tree.h"
#include "cpu/clustering/key_sort.h"

namespace {

using collide::KeyedIds;
using collide::mix64;
using collide::Ties;
using collide::checks::check;
using collide::checks::rejects;

double random(std::uint64_t seed, std::uint64_t n) {
  return static_cast<double>(mix64(seed ^ mix64(n)) >> 11) * 0x1p-53;
}

// Values of many kinds: wide, narrow with one outlier, tied, both signs, the ends of the range.
double value_of_kind(int kind, std::size_t i) {
  const double x = random(static_cast<std::uint64_t>(kind), i);
  switch (kind) {
    case 0:
      return x - 0.5;
    case 1:
      return i == 3 ? -1e300 : 1 + x * 1e-9;  // all alike in the bits that are sorted first
    case 2:
      return std::floor(x * 5);
    case 3:
      return std::exp(600 * (x - 0.5)) * (i % 2 == 0 ? 1 : -1);
    case 4:
      return static_cast<double>(static_cast<float>(x));
    case 5:
      return 7;
    default:
      return i % 3 == 0 ? 0.0 : i % 3 == 1 ? -0.0 : 5e-324;
  }
}

void sorts() {
  for (int kind = 0; kind < 7; ++kind) {
    for (const std::size_t n :
         {std::size_t{1}, std::size_t{2}, std::size_t{30}, std::size_t{5000}, std::size_t{150000}}) {
      std::vector<double> values(n);
      for (std::size_t i = 0; i < n; ++i) values[i] = value_of_kind(kind, i);
      for (const Ties ties : {Ties::kById, Ties::kByMix}) {
        std::vector<std::uint32_t> expected(n);
        std::iota(expected.begin(), expected.end(), 0);
        std::sort(expected.begin(), expected.end(), [&](std::uint32_t a, std::uint32_t b) {
          if (values[a] != values[b]) return values[a] < values[b];
          return ties == Ties::kById ? a < b : mix64(a) < mix64(b);
        });
        for (const unsigned threads : {1u, 3u}) {
          KeyedIds order(n);
          for (std::size_t i = 0; i < n; ++i) order[i] = {collide::key_of(values[i]), static_cast<std::uint32_t>(i)};
          bool same = order.sort(ties, threads, {});
          for (std::size_t k = 0; k < n; ++k) {
            same &= order[k].id == expected[k] && collide::value_of(order[k].key) == values[expected[k]];
          }
          check(same, "sort of kind " + std::to_string(kind) + ", " + std::to_string(n) + " items");
        }
      }
    }
  }
  check(!std::signbit(collide::value_of(collide::key_of(-0.0))), "sort: -0 becomes +0");
}

std::vector<double> counts_of(std::size_t n, std::uint64_t seed) {
  std::vector<double> counts(n);
  for (std::size_t i = 0; i < n; ++i) counts[i] = seed % 3 == 0 ? 0 : std::floor(1 / (random(seed, i) + 1e-6) - 1);
  return counts;
}

// Every row from 0 to min(rows, ids) - 1, no other.
bool uses_all(const std::vector<std::uint32_t>& assignment, std::uint64_t rows) {
  std::vector<bool> used(std::min<std::uint64_t>(rows, assignment.size()), false);
  for (const std::uint32_t row : assignment) {
    if (row >= used.size()) return false;
    used[row] = true;
  }
  return std::all_of(used.begin(), used.end(), [](bool one) { return one; });
}

void learners() {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::size_t n = seed < 50 ? 1 + mix64(seed) % 400 : 80000 + seed;
    const std::uint64_t rows = 1 + mix64(seed + 100) % (n + n / 4), dim = 1 + seed % 4;
    std::vector<double> keys(n);
    std::vector<float> points(n * dim);
    for (std::size_t i = 0; i < n; ++i) keys[i] = value_of_kind(static_cast<int>(seed % 6), i);
    for (std::size_t i = 0; i < points.size(); ++i) {
      points[i] = static_cast<float>(seed % 5 == 0 ? std::floor(random(seed, i) * 4) : random(seed, i));
    }
    const std::vector<double> counts = counts_of(n, seed);
    const auto mass = static_cast<collide::MassOf>(seed % 3);
    const auto bins = collide::equal_mass_bins(keys, counts, rows, mass, {{}, {}, 1});
    const auto tree = collide::kd_tree_rows(points, dim, counts, rows, {{}, {}, 1});
    const std::string name = "seed " + std::to_string(seed);
    check(bins.size() == n && uses_all(bins, rows), name + ": bins used");
    check(tree.size() == n && uses_all(tree, rows), name + ": rows of the tree used");
    bool monotone = true;
    std::vector<std::uint32_t> ids(n);
    std::iota(ids.begin(), ids.end(), 0);
    std::sort(ids.begin(), ids.end(), [&](std::uint32_t a, std::uint32_t b) {
      return keys[a] != keys[b] ? keys[a] < keys[b] : mix64(a) < mix64(b);
    });
    for (std::size_t k = 1; k < n; ++k) monotone &= bins[ids[k - 1]] <= bins[ids[k]];
    check(monotone, name + ": bins ascend");
    double reports = 0;
    for (const unsigned threads : {2u, 3u}) {
      const collide::LearnerControl control = {{}, [&](double done, double all) { reports = done / all; }, threads};
      check(collide::equal_mass_bins(keys, counts, rows, mass, control) == bins, name + ": bins, threads agree");
      check(reports == 1, name + ": bins report progress");
      check(collide::kd_tree_rows(points, dim, counts, rows, control) == tree, name + ": tree, threads agree");
    }
  }
}

void masses_are_exact() {
  const std::size_t n = 1000;
  std::vector<double> counts(n, 0), mass(n);
  counts[0] = 9007199254740991.0 - n;
  collide::masses_of(counts.data(), n, collide::MassOf::kSqrt, 0.3, 2, mass.data());
  double sum = 0;
  bool whole = true;
  for (const double one : mass) whole &= one == std::floor(one) && one > 0, sum += one;
  check(whole && sum < 0x1p53, "masses are whole, their sum is exact");
}

void bad_input() {
  const auto bins = [](std::vector<double> keys, std::vector<double> counts, std::uint64_t rows = 1) {
    return [=] { collide::equal_mass_bins(keys, counts, rows, collide::MassOf::kSqrt); };
  };
  const auto tree = [](std::vector<float> points, std::size_t dim, std::vector<double> counts, std::uint64_t rows = 1) {
    return [=] { collide::kd_tree_rows(points, dim, counts, rows); };
  };
  rejects("1 to 2^32 - 1 ids", bins({}, {}));
  rejects("same length", bins({1, 2}, {1}));
  rejects("keys, received nan at index 1", bins({1, NAN}, {1, 1}));
  rejects("counts, received -1 at index 0", bins({1, 2}, {-1, 1}));
  rejects("sum below 2^53, exceeded at index 1", bins({1, 2}, {9007199254740991.0, 1}));
  rejects("rows >= 1", bins({1}, {1}, 0));
  rejects("1 to 2^32 - 1 ids", tree({}, 1, {}));
  rejects("2 * dim values", tree({1, 2, 3}, 2, {1, 1}));
  rejects("dim 0", tree({}, 0, {1}));
  rejects("Infinity for id 1, dimension 0", tree({1, 2, INFINITY, 4}, 2, {1, 1}));
  rejects("counts, received 0.5 at index 1", tree({1, 2}, 1, {1, .5}));
  rejects("rows >= 1", tree({1}, 1, {1}, 0));
}

void aborts() {
  const std::size_t n = 100000;
  std::vector<double> keys(n), counts(n, 1);
  std::vector<float> points(2 * n);
  for (std::size_t i = 0; i < n; ++i) keys[i] = points[i] = static_cast<float>(random(1, i));
  const collide::LearnerControl at_once = {[] { return true; }, {}, 1};
  check(collide::equal_mass_bins(keys, counts, 100, collide::MassOf::kOne, at_once).empty(), "bins: abort");
  check(collide::kd_tree_rows(points, 2, counts, 100, at_once).empty(), "tree: abort in the sort");
  int polls = 0;
  const collide::LearnerControl later = {[&polls] { return ++polls > 9; }, {}, 1};
  check(collide::kd_tree_rows(points, 2, counts, 100, later).empty(), "tree: abort between the levels");
}

}  // namespace

int main() {
  sorts();
  learners();
  masses_are_exact();
  bad_input();
  aborts();
  return collide::checks::summary();
}
