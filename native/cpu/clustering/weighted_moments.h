// Weighted sums of a column. Eight lanes per block of 32,768 values, blocks in order: one shape of sum, so the same
// bits from every instruction set.
#pragma once

#include <cstddef>

namespace collide {

// Sum of weight[i] * value[i].
double weighted_sum(const float* value, const double* weight, std::size_t n);
// Sum of weight[i] * (value[i] - mean)^2.
double weighted_squares(const float* value, const double* weight, std::size_t n, double mean);

}  // namespace collide
