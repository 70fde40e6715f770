#include "cpu/clustering/weighted_moments.h"

#include <algorithm>

#include "core/support/multiversion.h"
#include "cpu/support/float8.h"

namespace collide {

namespace {

constexpr std::size_t kBlock = 1 << 15;

COLLIDE_INLINE Double4 load_doubles(const double* from) {
  Double4 value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}

// term(value, weight) works on four lanes and on one alike.
template <typename Term>
COLLIDE_INLINE double block_sum(const float* value, const double* weight, std::size_t n, const Term& term) {
  Double4 low = {}, high = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    low += term(__builtin_convertvector(load_lanes<4>(value + i), Double4), load_doubles(weight + i));
    high += term(__builtin_convertvector(load_lanes<4>(value + i + 4), Double4), load_doubles(weight + i + 4));
  }
  const Double4 lanes = low + high;
  double sum = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
  for (; i < n; ++i) sum += term(static_cast<double>(value[i]), weight[i]);
  return sum;
}

template <typename Term>
COLLIDE_INLINE double sum_of(const float* value, const double* weight, std::size_t n, const Term& term) {
  double sum = 0;
  for (std::size_t i = 0; i < n; i += kBlock) sum += block_sum(value + i, weight + i, std::min(kBlock, n - i), term);
  return sum;
}

}  // namespace

COLLIDE_MULTIVERSION double weighted_sum(const float* value, const double* weight, std::size_t n) {
  return sum_of(
      value, weight, n, [](const auto& v, const auto& w) __attribute__((always_inline)) { return w * v; });
}

COLLIDE_MULTIVERSION double weighted_squares(const float* value, const double* weight, std::size_t n, double mean) {
  return sum_of(
      value, weight,
      n, [mean](const auto& v, const auto& w) __attribute__((always_inline)) { return w * (v - mean) * (v - mean); });
}

}  // namespace collide
