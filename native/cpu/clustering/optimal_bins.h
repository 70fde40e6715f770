// Exact weighted k-means in one dimension: the partition of values into bins of least weighted squared error, against
// which every 1-D heuristic is measured. Optimal bins are intervals of the sorted values.
//
// The error of a bin is XX - X^2 / W from prefix sums, centred on the weighted mean. It obeys the quadrangle
// inequality, so that the best last bin begins further right the further right it ends. Small problems: dynamic
// programming over (bins, end), a layer by divide and conquer, O(T N log N). Large ones: every bin costs lambda more,
// the number of bins is free, one pass of O(N log N), and lambda is searched until it is T. Where the number jumps past
// T (ties), two optimal partitions for the same lambda, one with fewer and one with more bins, are spliced into one
// with T.
//
// Prefix sums are long double: with float64, bins of a hundred-thousandth of the range would have no digit left.
// Deterministic, one thread. Memory: about 100 bytes per distinct value.
//
// On a GPU: the sort (key_sort.h) and a scan of three sums of 16 bytes (double-double, for want of long double). A pass
// for one lambda is a chain, each end needing the best of those before, so the device would run passes for many lambdas
// side by side, one block each with its window of sums (48 bytes per value read, 20 written): a round for 32 lambdas
// narrows the search by 32, 4 rounds where this code has about 15 passes. By layers, an end is a thread and a layer a
// pass of O(log N) dependent steps (52 bytes per value and step).
#pragma once

#include <cstdint>
#include <vector>

#include "core/clustering/learner_control.h"

namespace collide {

enum class BinSearch { kAutomatic, kLayers, kLagrangian };

struct OptimalBins {
  std::vector<std::uint32_t> assignment;  // [ids], 0 .. min(rows, ids) - 1, ascending with value, every bin used
  double cost = 0;                        // weighted squared distances to the bins' weighted means, summed
};

// values [N] finite, weights [N] finite and >= 0, rows >= 1. More rows than distinct values: equal values are cut too,
// by id. Progress is (share, bins at hand). Throws Error INVALID_ARGUMENT naming the first bad element.
OptimalBins optimal_bins(const std::vector<double>& values, const std::vector<double>& weights, std::uint64_t rows,
                         const LearnerControl& control = {}, BinSearch search = BinSearch::kAutomatic);

}  // namespace collide
