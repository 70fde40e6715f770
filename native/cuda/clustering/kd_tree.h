// What the addon sees of the CUDA kd-tree: no CUDA header in it, so that g++ compiles its users.
#pragma once

#include <cstdint>
#include <vector>

#include "core/clustering/learner_control.h"

namespace collide::cuda {

// As cpu/clustering/kd_tree.h, on CUDA device 0, with the same bits. points [n * dim] and masses [n] are checked:
// kd_tree_masses() of cpu/clustering/kd_tree.h. Progress is in levels. Throws Error OUT_OF_MEMORY or CUDA_FAILED.
std::vector<std::uint32_t> kd_tree_cells(const std::vector<float>& points, std::size_t dim,
                                         const std::vector<double>& masses, std::uint64_t rows,
                                         const LearnerControl& control);

}  // namespace collide::cuda
