#include "cpu/clustering/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/support/multiversion.h"

namespace collide {

namespace {

constexpr int kMostSteps = 60;  // of QL for one value; about two do

// In four lanes, whose sums are added in one order: the same bits from every instruction set.
COLLIDE_MULTIVERSION double dot(const double* a, const double* b, std::size_t n) {
  double lanes[4] = {};
  std::size_t k = 0;
  for (; k + 4 <= n; k += 4) {
    for (std::size_t j = 0; j < 4; ++j) lanes[j] += a[k + j] * b[k + j];
  }
  for (; k < n; ++k) lanes[0] += a[k] * b[k];
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

// to += by * from
COLLIDE_MULTIVERSION void add(double* to, double by, const double* from, std::size_t n) {
  for (std::size_t k = 0; k < n; ++k) to[k] += by * from[k];
}

COLLIDE_MULTIVERSION void rotate(double* a, double* b, double c, double s, std::size_t n) {
  for (std::size_t k = 0; k < n; ++k) {
    const double x = a[k], y = b[k];
    a[k] = c * x - s * y;
    b[k] = s * x + c * y;
  }
}

// The matrix as Q T Q': `diagonal` and `beside` of T, and Q' in `rows`.
struct Tridiagonal {
  std::vector<double> diagonal, beside, rows;
};

Tridiagonal tridiagonal(std::vector<double>& a, std::size_t n, const std::function<bool()>& aborted) {
  Tridiagonal result{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n * n)};
  std::vector<double> factors(n), change(n);
  // Column k is reflected onto its first entry below the diagonal; the mirror stays in the upper part of the matrix.
  for (std::size_t k = 0; k + 2 < n; ++k) {
    if (aborted && aborted()) return result;
    const std::size_t first = k + 1, size = n - first;
    double* mirror = &a[k * n + first];
    const double tail = dot(mirror + 1, mirror + 1, size - 1);
    if (tail == 0) continue;
    const double norm = std::sqrt(mirror[0] * mirror[0] + tail), image = mirror[0] > 0 ? -norm : norm;
    mirror[0] -= image;
    const double factor = 2 / (mirror[0] * mirror[0] + tail);
    for (std::size_t i = 0; i < size; ++i) change[i] = factor * dot(&a[(first + i) * n + first], mirror, size);
    add(change.data(), -factor / 2 * dot(change.data(), mirror, size), mirror, size);
    for (std::size_t i = 0; i < size; ++i) {
      double* row = &a[(first + i) * n + first];
      add(row, -mirror[i], change.data(), size);
      add(row, -change[i], mirror, size);
    }
    factors[k] = factor;
    result.beside[k] = image;
  }
  for (std::size_t k = 0; k < n; ++k) {
    result.diagonal[k] = a[k * n + k];
    if (k + 1 < n && factors[k] == 0) result.beside[k] = a[k * n + k + 1];
    result.rows[k * n + k] = 1;
  }
  for (std::size_t k = n; k-- > 0;) {
    if (factors[k] == 0) continue;
    if (aborted && aborted()) return result;
    const double* mirror = &a[k * n + k + 1];
    for (std::size_t r = k + 1; r < n; ++r) {
      double* row = &result.rows[r * n + k + 1];
      add(row, -factors[k] * dot(row, mirror, n - k - 1), mirror, n - k - 1);
    }
  }
  return result;
}

// One QL step on the values [first, last] of T, with Wilkinson's shift.
void step(Tridiagonal& t, std::size_t first, std::size_t last, std::size_t n) {
  std::vector<double>&d = t.diagonal, &e = t.beside;
  const double slope = (d[first + 1] - d[first]) / (2 * e[first]), root = std::hypot(slope, 1.0);
  double g = d[last] - d[first] + e[first] / (slope + (slope < 0 ? -root : root));
  double s = 1, c = 1, p = 0;
  for (std::size_t i = last; i-- > first;) {
    const double f = s * e[i], b = c * e[i];
    const double r = std::hypot(f, g);
    e[i + 1] = r;
    if (r == 0) {
      d[i + 1] -= p;
      e[last] = 0;
      return;
    }
    s = f / r, c = g / r;
    g = d[i + 1] - p;
    const double q = (d[i] - g) * s + 2 * c * b;
    p = s * q;
    d[i + 1] = g + p;
    g = c * q - b;
    rotate(&t.rows[i * n], &t.rows[(i + 1) * n], c, s, n);
  }
  d[first] -= p;
  e[first] = g;
  e[last] = 0;
}

}  // namespace

SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::size_t n, const std::function<bool()>& aborted) {
  // Near 1, by a power of two: squares must neither overflow nor vanish.
  double largest = 0;
  for (const double x : matrix) largest = std::max(largest, std::abs(x));
  const int exponent = largest > 0 ? std::ilogb(largest) : 0;
  for (double& x : matrix) x = std::scalbn(x, -exponent);

  Tridiagonal t = tridiagonal(matrix, n, aborted);
  double scale = 0;
  for (std::size_t k = 0; k < n; ++k) scale = std::max(scale, std::abs(t.diagonal[k]) + std::abs(t.beside[k]));
  const double nothing = scale * std::numeric_limits<double>::epsilon();
  for (std::size_t first = 0; first < n; ++first) {
    for (int steps = 0; steps < kMostSteps; ++steps) {
      std::size_t last = first;
      while (last + 1 < n && std::abs(t.beside[last]) > nothing) ++last;
      if (last == first || (aborted && aborted())) break;
      step(t, first, last, n);
    }
  }

  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return t.diagonal[a] > t.diagonal[b]; });
  SymmetricEigen result;
  for (const std::size_t k : order) {
    result.values.push_back(std::scalbn(t.diagonal[k], exponent));
    result.vectors.insert(result.vectors.end(), t.rows.begin() + static_cast<std::ptrdiff_t>(k * n),
                          t.rows.begin() + static_cast<std::ptrdiff_t>((k + 1) * n));
  }
  return result;
}

}  // namespace collide
