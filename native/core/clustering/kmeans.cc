#include "core/clustering/kmeans.h"

#include <algorithm>

#include "core/clustering/access_counts.h"
#include "core/clustering/teacher_rows.h"
#include "core/support/error.h"

namespace collide {

void check_kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                  const std::vector<std::uint32_t>& start, const KmeansOptions& options) {
  const std::size_t n = counts.size();
  check_teacher_rows(points, dim, n);
  check_counts(counts.data(), n);
  if (start.size() != n) fail("INVALID_ARGUMENT", "Expected ", n, " start clusters, received ", start.size());
  if (options.rows < 1 || options.rows > n) {
    fail("INVALID_ARGUMENT", "Expected 1 to ", n, " rows, received ", options.rows);
  }
  std::vector<bool> used(options.rows);
  for (std::size_t i = 0; i < n; ++i) {
    if (start[i] >= options.rows) {
      fail("INVALID_ARGUMENT", "Expected start clusters below ", options.rows, ", received ", start[i], " at index ",
           i);
    }
    used[start[i]] = true;
  }
  const auto unused = std::find(used.begin(), used.end(), false);
  if (unused != used.end()) {
    fail("INVALID_ARGUMENT", "Expected a start that uses every cluster, but none of its ids is in ",
         unused - used.begin());
  }
}

}  // namespace collide
