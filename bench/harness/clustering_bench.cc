// usage: clustering_bench IDS DIVISOR THREADS ROUNDS   one line of JSON per case and round: wall and CPU seconds of
// every
//        learner, IDS ids to IDS / DIVISOR rows, and of one std::sort of as many float64 values, interleaved.
//        clustering_bench memory IDS DIVISOR CASE      {"bytesPerId"}: peak memory of one run above the inputs, the
//        copies that a learner consumes included.
// Values have three bumps, counts a power law (a Pareto tail of exponent 1), clusters at most four times the average
// size.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/support/random.h"
#include "cpu/clustering/agglomerate.h"
#include "cpu/clustering/equal_mass.h"
#include "cpu/clustering/kd_tree.h"

namespace {

using namespace collide;

struct Inputs {
  std::vector<double> values, counts;
  std::vector<float> points;  // two dimensions

  explicit Inputs(std::size_t n) : values(n), counts(n), points(2 * n) {
    std::uint64_t draw = 0;
    const auto random = [&draw] { return static_cast<double>(mix64(draw++) >> 11) * 0x1p-53; };
    const auto bumps = [&random] { return std::floor(random() * 3) + random() + random() - 2; };
    for (double& value : values) value = bumps();
    for (float& value : points) value = static_cast<float>(bumps());
    for (double& count : counts) count = std::min(std::floor(1 / (random() + 1e-12)), static_cast<double>(n));
  }
};

struct Case {
  std::string name;
  std::function<std::function<void()>()> prepare;  // copies the inputs and returns the work on them
};

std::vector<Case> cases_of(const Inputs& inputs, std::uint64_t rows, unsigned threads) {
  const std::uint64_t ids = inputs.values.size();
  const auto agglomerative = [&inputs, ids, rows, threads](std::uint64_t merges) {
    return [=, &inputs] {
      return [=, values = inputs.values, counts = inputs.counts]() mutable {
        const std::uint64_t most = 4 * ((ids + rows - 1) / rows);
        const AgglomerateOptions options = {
            rows, merges, most, {{FilterBy::kFrequency, 2}, {FilterBy::kDistance, 1.5}, {FilterBy::kSize, 1}}, true};
        agglomerate(std::move(values), std::move(counts), options, {{}, {}, threads});
      };
    };
  };
  return {
      {"sort", [&inputs] { return [values = inputs.values]() mutable { std::sort(values.begin(), values.end()); }; }},
      {"agglomerative, K = N/100", agglomerative(ids / 100)},
      {"agglomerative, K = N/1000", agglomerative(ids / 1000)},
      {"equal-mass bins",
       [=, &inputs] {
         return [=, values = inputs.values, counts = inputs.counts]() mutable {
           equal_mass_bins(std::move(values), std::move(counts), rows, MassOf::kSqrt, {{}, {}, threads});
         };
       }},
      {"kd-tree, 2 dimensions",
       [=, &inputs] {
         return [=, points = inputs.points, counts = inputs.counts]() mutable {
           kd_tree_rows(std::move(points), 2, std::move(counts), rows, {{}, {}, threads});
         };
       }},
  };
}

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(field, 0) == 0) return 1024 * std::strtod(line.c_str() + field.size() + 1, nullptr);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const auto number = [&](int i) { return i < count ? std::strtoull(arguments[i], nullptr, 10) : 0; };
  if (count == 5 && std::string(arguments[1]) == "memory") {
    const Inputs inputs(number(2));
    for (const Case& one : cases_of(inputs, number(2) / number(3), 1)) {
      if (one.name != arguments[4]) continue;
      const double before = status_bytes("VmRSS:");
      one.prepare()();
      std::printf("{\"bytesPerId\":%.2f}\n", (status_bytes("VmHWM:") - before) / static_cast<double>(number(2)));
      return 0;
    }
  }
  if (count != 5 || number(1) < 1000 || number(2) < 1 || number(4) < 1) {
    std::fprintf(stderr, "usage: clustering_bench IDS DIVISOR THREADS ROUNDS | memory IDS DIVISOR CASE\n");
    return 2;
  }
  const Inputs inputs(number(1));
  const auto cases = cases_of(inputs, number(1) / number(2), static_cast<unsigned>(number(3)));
  for (std::uint64_t round = 0; round < number(4); ++round) {
    for (std::size_t c = 0; c < cases.size(); ++c) {
      const Case& one = cases[(c + round) % cases.size()];
      const std::function<void()> work = one.prepare();
      const auto begin = std::chrono::steady_clock::now();
      const double cpu = cpu_seconds();
      work();
      const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
      std::printf("{\"case\":\"%s\",\"round\":%llu,\"wall\":%.6f,\"cpu\":%.6f}\n", one.name.c_str(),
                  static_cast<unsigned long long>(round), wall.count(), cpu_seconds() - cpu);
      std::fflush(stdout);
    }
  }
  return 0;
}
