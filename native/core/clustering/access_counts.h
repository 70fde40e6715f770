// Access counts as every learner takes them: whole numbers whose sum float64 holds exactly.
#pragma once

#include <cstddef>

namespace collide {

// Throws Error INVALID_ARGUMENT naming the first count that is not a whole number from 0, or at which the sum reaches
// 2^53.
void check_counts(const double* counts, std::size_t n);

}  // namespace collide
