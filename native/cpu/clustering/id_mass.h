// What an id weighs when rows are shared out by mass: its count's square root, cube root, or 1.
//
// A mass is a whole number of units of 2^-k, with k so that all masses together stay below 2^53: every sum of masses is
// exact in float64. So sums may run in any order, on any number of threads and on a GPU, and running sums are the same.
#pragma once

#include <cstddef>
#include <cstdint>

namespace collide {

enum class MassOf { kSqrt, kCbrt, kOne };

// counts [n] whole numbers with a sum below 2^53, n below 2^32. mass[i] = f(counts[i] + least) rounded to the unit,
// which is 2^-(52 - e) with 2^e the smallest power of two above sqrt(n * (sum of counts + n * least + 1)): no sum of
// roots is larger. For kOne the unit is 1. `mass` may be `counts`.
void masses_of(const double* counts, std::size_t n, MassOf rule, double least, unsigned threads, double* mass);

}  // namespace collide
