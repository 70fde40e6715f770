// Plain checks of cpu/clustering/agglomerate.h: the published vectors, invariants on random input, bad input, abort.
#include "cpu/clustering/agglomerate.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "checks.h"
#include "core/support/random.h"

namespace {

using collide::AgglomerateOptions;
using collide::Clustering;
using collide::FilterBy;
using collide::checks::check;
using collide::checks::rejects;

bool near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(std::abs(a[i] - b[i]) <= tolerance)) return false;
  }
  return true;
}

const std::vector<collide::ClusterFilter> kAll = {
    {FilterBy::kFrequency, 2}, {FilterBy::kDistance, 1.5}, {FilterBy::kSize, 1}};

AgglomerateOptions options(std::uint64_t rows, std::uint64_t k, std::uint64_t max_size,
                           std::vector<collide::ClusterFilter> filters = kAll, bool weighted = true) {
  return {rows, k, max_size, std::move(filters), weighted};
}

std::uint64_t rounds_of(const Clustering& c) {
  return c.rounds * 10000 + c.fallback_rounds * 100 + c.split_rounds;
}

void distance_vectors() {
  const std::vector<collide::ClusterFilter> distance = {{FilterBy::kDistance, 1}};
  Clustering c = collide::agglomerate({0, 1, 3, 6, 10}, std::vector<double>(5, 1), options(4, 1, 0, distance, false));
  check(c.assignment == std::vector<std::uint32_t>{0, 0, 1, 2, 3}, "distance, one merge: assignment");
  check(c.values == std::vector<double>{.5, 3, 6, 10}, "distance, one merge: values");
  c = collide::agglomerate({0, 1, 3, 6, 10, 15, 21}, std::vector<double>(7, 1), options(5, 100, 0, distance, false));
  check(c.assignment == std::vector<std::uint32_t>{0, 0, 0, 1, 2, 3, 4}, "distance, a chain: assignment");
  check(near(c.values, {4.0 / 3, 6, 10, 15, 21}, 1e-15) && c.rounds == 1, "distance, a chain: values, rounds");
}

void filter_vectors() {
  const std::vector<double> v = {.9, .1, .12, .5, .55, -.4, .11, .52}, counts = {1, 40, 2, 1, 1, 7, 0, 300};
  Clustering c = collide::agglomerate(v, counts, options(4, 2, 3));
  check(c.assignment == std::vector<std::uint32_t>{3, 1, 1, 2, 3, 0, 1, 2}, "all filters, T 4: assignment");
  check(near(c.values, {-.4, .100952, .519934, .725}, 5e-7), "all filters, T 4: values");
  check(rounds_of(c) == 20000, "all filters, T 4: rounds");
  c = collide::agglomerate(v, counts, options(3, 4, 2));
  check(c.assignment == std::vector<std::uint32_t>{2, 1, 1, 1, 2, 0, 1, 1}, "all filters, T 3: assignment");
  check(c.sizes == std::vector<std::uint32_t>{1, 5, 2}, "all filters, T 3: sizes");
  check(near(c.values, {-.4, .46863, .725}, 5e-6), "all filters, T 3: values");
  check(rounds_of(c) == 30101, "all filters, T 3: rounds");
  c = collide::agglomerate(v, counts, options(1, 8, 3));
  check(c.assignment == std::vector<std::uint32_t>(8, 0) && rounds_of(c) == 20101, "all filters, T 1");
}

void invariants() {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::size_t n = 1 + collide::mix64(seed) % (seed < 50 ? 300 : 60000);
    std::vector<double> values(n), counts(n);
    for (std::size_t i = 0; i < n; ++i) {
      values[i] = std::floor(collide::uniform01(seed, i) * 4096) - 2048;  // ties
      counts[i] = static_cast<double>(collide::mix64(i ^ (seed << 32)) % 7 * (collide::mix64(i) % 3));
    }
    const std::uint64_t rows = 1 + collide::mix64(seed + 1000) % n, k = 1 + collide::mix64(seed + 2000) % n;
    const auto c = collide::agglomerate(values, counts, options(rows, k, seed % 2 == 0 ? 0 : 2 * n / rows + 2));
    const std::string name = "seed " + std::to_string(seed) + ": ";
    check(c.sizes.size() == rows && c.values.size() == rows && c.counts.size() == rows, name + "rows");
    check(std::accumulate(c.sizes.begin(), c.sizes.end(), std::uint64_t{0}) == n, name + "sizes sum");
    check(std::accumulate(c.counts.begin(), c.counts.end(), 0.0) == std::accumulate(counts.begin(), counts.end(), 0.0),
          name + "counts sum");
    bool sorted = true, labels = true;
    for (std::size_t i = 1; i < rows; ++i) sorted &= c.values[i - 1] <= c.values[i];
    std::vector<std::uint32_t> sizes(rows, 0);
    for (const std::uint32_t label : c.assignment)
      label < rows ? static_cast<void>(++sizes[label]) : void(labels = false);
    check(sorted && labels && sizes == c.sizes, name + "labels");
  }
}

// Rounds of more pairs than a thread takes: chains, splits and ties across the parts that threads share.
void threads_agree() {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    const std::size_t n = 160000;
    std::vector<double> values(n), counts(n);
    for (std::size_t i = 0; i < n; ++i) {
      // Seed 4: equal values in long runs, which merge in chains that reach through whole parts.
      values[i] = std::floor(collide::uniform01(seed, i) * (seed == 1 ? 1e9 : seed == 4 ? 3 : 50000));
      counts[i] = std::floor(1 / (static_cast<double>(collide::uniform01(seed + 9, i)) + 1e-4));
    }
    std::vector<collide::ClusterFilter> filters = kAll;
    if (seed == 3) std::swap(filters[0], filters[1]);
    if (seed == 4) filters = {{FilterBy::kDistance, 1}};
    if (seed == 5) filters = {{FilterBy::kSize, 1}, {FilterBy::kDistance, 1}};  // with a limit: ends in fallback rounds
    const std::uint64_t max_size = seed == 2 ? 12 : seed == 5 ? 10 : 0;
    const auto alone = collide::agglomerate(values, counts, options(16000, 20000, max_size, filters), {{}, {}, 1});
    check(alone.values.size() == 16000 && alone.rounds > 5, "one thread: rows");
    check(seed != 2 || alone.split_rounds > 0, "one thread: chains were cut");
    check(seed != 5 || alone.fallback_rounds > 0, "one thread: fell back");
    for (const unsigned threads : {2u, 16u}) {
      const auto many =
          collide::agglomerate(values, counts, options(16000, 20000, max_size, filters), {{}, {}, threads});
      check(many.assignment == alone.assignment && many.values == alone.values && many.counts == alone.counts &&
                many.sizes == alone.sizes && rounds_of(many) == rounds_of(alone),
            "threads agree, seed " + std::to_string(seed));
    }
  }
}

// Clusters whose values lie at both ends of the range: sums overflow, the order must survive.
void huge_values() {
  const double big = 1.7e308;
  for (const bool weighted : {false, true}) {
    const auto c = collide::agglomerate({-big, -big, big, big, big}, {3, 3, 3, 0, 9}, options(2, 9, 0, kAll, weighted));
    check(
        c.values.size() == 2 && c.values[0] <= c.values[1] && std::isfinite(c.values[0]) && std::isfinite(c.values[1]),
        "huge values");
    const auto one =
        collide::agglomerate({-big, -big, big, big, big}, {3, 3, 3, 0, 9}, options(1, 9, 0, kAll, weighted));
    check(std::isfinite(one.values[0]), "huge values, one cluster");
  }
}

void bad_input() {
  const auto run = [](std::vector<double> v, std::vector<double> c, AgglomerateOptions o = options(1, 1, 0)) {
    return [=] { collide::agglomerate(v, c, o); };
  };
  rejects("at least one id", run({}, {}));
  rejects("same length", run({1, 2}, {1}));
  rejects("at index 1", run({1, NAN}, {1, 1}));
  rejects("at index 0", run({INFINITY, 1}, {1, 1}));
  rejects("counts, received -1 at index 1", run({1, 2}, {1, -1}));
  rejects("counts, received 0.5 at index 0", run({1, 2}, {.5, 1}));
  rejects("counts, received nan", run({1, 2}, {NAN, 1}));
  rejects("sum below 2^53, exceeded at index 1", run({1, 2}, {9007199254740991.0, 1}));
  rejects("rows >= 1", run({1, 2}, {1, 1}, options(0, 1, 0)));
  rejects("mergesPerRound >= 1", run({1, 2}, {1, 1}, options(1, 0, 0)));
  rejects("at least one filter", run({1, 2}, {1, 1}, options(1, 1, 0, {})));
  rejects("keep > 0", run({1, 2}, {1, 1}, options(1, 1, 0, {{FilterBy::kSize, 0}})));
  rejects("each filter once", run({1, 2}, {1, 1}, options(1, 1, 0, {{FilterBy::kSize, 1}, {FilterBy::kSize, 1}})));
}

void abort_in_mid_job() {
  std::vector<double> values(20000), counts(20000, 1);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = collide::uniform01(1, i);
  int rounds = 0;
  const auto c = collide::agglomerate(values, counts, options(10, 1, 0),
                                      {[&] { return rounds >= 5; }, [&](double, double) { ++rounds; }});
  check(rounds == 5 && c.assignment.empty(), "abort stops after the round in which it comes");
}

}  // namespace

int main() {
  distance_vectors();
  filter_vectors();
  invariants();
  threads_agree();
  huge_values();
  bad_input();
  abort_in_mid_job();
  return collide::checks::summary();
}
