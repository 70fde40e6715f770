#include "core/clustering/teacher_rows.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/support/error.h"

namespace collide {

void check_teacher_rows(const std::vector<float>& points, std::size_t dim, std::size_t n) {
  if (n < 1 || n > std::numeric_limits<std::uint32_t>::max()) {
    fail("INVALID_ARGUMENT", "Expected 1 to 2^32 - 1 ids, received ", n);
  }
  if (dim < 1 || points.size() != n * dim) {
    fail("INVALID_ARGUMENT", "Expected ", n, " * dim values for the teacher rows, dim ", dim, ", received ",
         points.size());
  }
  const auto bad = std::find_if_not(points.begin(), points.end(), [](float value) { return std::isfinite(value); });
  if (bad != points.end()) {
    const auto at = static_cast<std::size_t>(bad - points.begin());
    const char* name = std::isnan(*bad) ? "NaN" : *bad > 0 ? "Infinity" : "-Infinity";  // as JavaScript calls them
    fail("INVALID_ARGUMENT", "Expected finite numbers for the teacher rows, received ", name, " for id ", at / dim,
         ", dimension ", at % dim);
  }
}

}  // namespace collide
