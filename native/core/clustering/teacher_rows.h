// Teacher rows as every learner takes them: finite values, `dim` for each id.
#pragma once

#include <cstddef>
#include <vector>

namespace collide {

// points [n * dim], n from 1 to 2^32 - 1, dim >= 1. Throws Error INVALID_ARGUMENT for other lengths, or naming the
// first value that is not finite.
void check_teacher_rows(const std::vector<float>& points, std::size_t dim, std::size_t n);

}  // namespace collide
