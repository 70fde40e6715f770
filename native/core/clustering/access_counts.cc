#include "core/clustering/access_counts.h"

#include <cmath>

#include "core/support/error.h"

namespace collide {

void check_counts(const double* counts, std::size_t n) {
  constexpr double kMostAccesses = 9007199254740991.0;  // 2^53 - 1: sums of counts stay exact
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

}  // namespace collide
