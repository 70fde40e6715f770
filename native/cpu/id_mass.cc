#include "cpu/id_mass.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/multiversion.h"
#include "cpu/thread_pool.h"

namespace collide {

namespace {

constexpr double kMostAccesses = 9007199254740991.0;  // 2^53 - 1: sums of counts stay exact
constexpr std::size_t kChunk = 1 << 16;

COLLIDE_MULTIVERSION void square_roots(const double* counts, std::size_t n, double least, double units, double* mass) {
  for (std::size_t i = 0; i < n; ++i) mass[i] = std::floor(std::sqrt(counts[i] + least) * units + 0.5);
}

}  // namespace

void check_counts(const double* counts, std::size_t n) {
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!(counts[i] >= 0 && counts[i] <= kMostAccesses && counts[i] == std::floor(counts[i]))) {
      fail("INVALID_ARGUMENT", "Expected whole numbers from 0 for counts, received ", counts[i], " at index ", i);
    }
    total += counts[i];
    if (total > kMostAccesses) {
      fail("INVALID_ARGUMENT", "Expected counts with a sum below 2^53, exceeded at index ", i);
    }
  }
}

void masses_of(const double* counts, std::size_t n, MassOf rule, double least, unsigned threads, double* mass) {
  double accesses = 0;  // exact: whole numbers below 2^53
  for (std::size_t i = 0; i < n; ++i) accesses += counts[i];
  const auto ids = static_cast<double>(n);
  int exponent = 0;
  std::frexp(std::sqrt(ids * (accesses + ids * least + 1)), &exponent);
  const double units = std::ldexp(1.0, 52 - exponent);
  parallel_for((n + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
    const std::size_t first = chunk * kChunk, size = std::min(kChunk, n - first);
    switch (rule) {
      case MassOf::kSqrt:
        return square_roots(counts + first, size, least, units, mass + first);
      case MassOf::kCbrt:
        for (std::size_t i = first; i < first + size; ++i)
          mass[i] = std::floor(std::cbrt(counts[i] + least) * units + 0.5);
        return;
      default:
        std::fill_n(mass + first, size, 1.0);
    }
  });
}

}  // namespace collide
