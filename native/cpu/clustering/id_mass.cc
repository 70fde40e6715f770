#include "cpu/clustering/id_mass.h"

#include <algorithm>
#include <cmath>

#include "core/support/multiversion.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kChunk = 1 << 16;

COLLIDE_MULTIVERSION void square_roots(const double* counts, std::size_t n, double least, double units, double* mass) {
  for (std::size_t i = 0; i < n; ++i) mass[i] = std::floor(std::sqrt(counts[i] + least) * units + 0.5);
}

}  // namespace

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
