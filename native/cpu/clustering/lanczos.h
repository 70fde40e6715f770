// The leading eigenvectors of a large symmetric matrix without negative eigenvalues, of which only products with
// vectors are known: Lanczos' method, every direction made orthogonal to all before it.
//
// An eigenvector x with value v is found when |A x - v x| is at most 1e-9 of the largest value: for the covariance of
// float32 vectors that is less than their own rounding changes. It takes some hundreds of products, 1,000 at most: what
// is then not told apart differs by less than a millionth or so. Where values are equal, any of their vectors is one.
// One at a time, each in the space that is orthogonal to those before, so that equal values are found, too.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace collide {

struct Eigenpair {
  double value;
  std::vector<double> vector;  // [n], of length 1
};

// multiply(x, y): y = A x, both [n]. `count` <= n. `aborted` may be empty: once true, fewer are returned.
// O(steps * (a product + n * steps)) for each; deterministic, if the products are.
std::vector<Eigenpair> leading_eigenpairs(
    std::size_t n, std::size_t count,
    const std::function<void(const std::vector<double>& x, std::vector<double>& y)>& multiply,
    const std::function<bool()>& aborted = {});

}  // namespace collide
