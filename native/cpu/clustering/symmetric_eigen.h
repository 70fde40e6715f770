// All eigenvalues and eigenvectors of a small symmetric matrix: Householder reflections to a tridiagonal one, then
// implicit QL steps (Golub and Van Loan, 8.3). O(n^3), one thread, deterministic.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace collide {

struct SymmetricEigen {
  std::vector<double> values;   // [n], largest first, equal ones as they came
  std::vector<double> vectors;  // [n, n] unit rows; those of a diagonal matrix are the axes
};

// matrix [n, n] symmetric, finite; consumed. Values are exact to about 1e-15 of the largest. `aborted` may be empty;
// once true, what is returned has no meaning.
SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::size_t n, const std::function<bool()>& aborted = {});

}  // namespace collide
