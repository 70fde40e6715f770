#include "cuda/clustering/kd_tree.h"

#include <algorithm>
#include <bit>

#include "core/support/error.h"
#include "cuda/clustering/kd_tree_levels.cuh"
#include "cuda/support/on_device.cuh"

namespace collide::cuda {

namespace {
constexpr std::size_t kMostDimensions = 65535;  // of blocks in y
}  // namespace

std::vector<std::uint32_t> kd_tree_cells(const std::vector<float>& points, std::size_t dim,
                                         const std::vector<double>& masses, std::uint64_t rows,
                                         const LearnerControl& control) {
  if (dim > kMostDimensions) {
    fail("NOT_SUPPORTED", "Expected at most ", kMostDimensions, " dimensions for a kd-tree on a CUDA device, received ",
         dim, ": use device \"cpu\"");
  }
  const OnDevice here;
  const auto used = static_cast<std::uint32_t>(std::min<std::uint64_t>(rows, masses.size()));
  KdTreeLevels tree(points, dim, masses, used);
  // Halving `used` level by level leaves parts that differ by at most a row.
  const int levels = std::bit_width(used - 1);
  for (int level = 0; level < levels; ++level) {
    if (control.aborted && control.aborted()) return {};
    tree.split();
    if (control.progress) control.progress(level + 1, levels);
  }
  if (levels == 0 && control.progress) control.progress(1, 1);
  return tree.rows();
}

}  // namespace collide::cuda
