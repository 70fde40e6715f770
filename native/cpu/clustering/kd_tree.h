// The balanced kd-tree hash: ids are halved by mass along the axis of most weighted variance until each part owns one
// row.
//
// A part of tau rows is cut where the running mass first reaches floor(tau / 2) / tau of its total, ids in the order of
// (value on the axis, mix64(id)); each side keeps at least as many ids as rows. Mass is sqrt(count + 0.3).
//
// Each axis is sorted once. A part is a range of columns (values, masses, ids) in the order of axis 0 and, per further
// axis, a list of their places in its order; a split partitions them and keeps their order. Deterministic, the same
// bits for any number of threads: masses add up exactly (id_mass.h), variances are summed in eight lanes per 32,768
// places. O(dim * n log(rows)); about 52 + 8 * dim bytes per id above the inputs, 32 of them during the sorts.
//
// native/cuda/clustering/kd_tree_levels.cu does the same, all parts of a level at once.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/clustering/equal_mass.h"

namespace collide {

// The mass of each id, what the CPU and the CUDA tree start from: points and counts as below. Throws as below.
std::vector<double> kd_tree_masses(const std::vector<float>& points, std::size_t dim, std::vector<double> counts,
                                   std::uint64_t rows, unsigned threads);

// The tree of points and masses that kd_tree_masses() has checked and made: the row of each id, 0 .. min(rows, n) - 1,
// every one used. Progress is in rows.
std::vector<std::uint32_t> kd_tree_cells(const std::vector<float>& points, std::size_t dim,
                                         const std::vector<double>& masses, std::uint64_t rows,
                                         const LearnerControl& control = {});

// Both in one. points [n * dim] finite, counts [n] whole numbers with a sum below 2^53, n from 1 to 2^32 - 1. Throws
// Error INVALID_ARGUMENT naming the first bad element.
std::vector<std::uint32_t> kd_tree_rows(const std::vector<float>& points, std::size_t dim, std::vector<double> counts,
                                        std::uint64_t rows, const LearnerControl& control = {});

}  // namespace collide
