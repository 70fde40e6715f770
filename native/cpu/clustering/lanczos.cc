#include "cpu/clustering/lanczos.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/support/multiversion.h"
#include "core/support/random.h"

namespace collide {

namespace {

constexpr std::size_t kMostSteps = 1000;
constexpr std::size_t kLookEvery = 4;  // steps
constexpr double kTolerance = 1e-9, kNothing = 1e-14;

using Vector = std::vector<double>;

// In eight lanes, whose sums are added in one order: the same bits from every instruction set.
COLLIDE_MULTIVERSION double dot_of(const double* a, const double* b, std::size_t n) {
  double lanes[8] = {};
  std::size_t k = 0;
  for (; k + 8 <= n; k += 8) {
    for (std::size_t j = 0; j < 8; ++j) lanes[j] += a[k + j] * b[k + j];
  }
  for (; k < n; ++k) lanes[0] += a[k] * b[k];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

COLLIDE_MULTIVERSION void add_to(double* to, double by, const double* from, std::size_t n) {
  for (std::size_t k = 0; k < n; ++k) to[k] += by * from[k];
}

double dot(const Vector& a, const Vector& b) {
  return dot_of(a.data(), b.data(), a.size());
}

void add(Vector& to, double by, const Vector& from) {
  add_to(to.data(), by, from.data(), to.size());
}

// Makes it orthogonal to unit vectors that are so to each other.
void part(Vector& vector, const std::vector<Vector>& from) {
  for (const Vector& direction : from) add(vector, -dot(direction, vector), direction);
}

// False for a vector that is nothing.
bool normalise(Vector& vector) {
  const double norm = std::sqrt(dot(vector, vector));
  if (!(norm > 0)) return false;
  for (double& x : vector) x /= norm;
  return true;
}

// Tridiagonal, `beside` its [k] entries off the diagonal, the last of them outside.
struct Tridiagonal {
  Vector diagonal, beside;

  // Whether all its values are below `bound`; the pivots of its distance to that are then negative.
  bool below(double bound, Vector& pivots) const {
    pivots.resize(diagonal.size());
    for (std::size_t k = 0; k < diagonal.size(); ++k) {
      const double coupled = k == 0 ? 0 : beside[k - 1] * beside[k - 1] / pivots[k - 1];
      pivots[k] = diagonal[k] - bound - coupled;
      if (!(pivots[k] < 0)) return false;
    }
    return true;
  }

  // The largest value, and its vector, of length 1: all of its entries are positive, as those beside the diagonal are.
  // `scale` is of the size of the largest entries, or larger.
  Eigenpair largest(double scale) const {
    const std::size_t n = diagonal.size();
    double low = *std::max_element(diagonal.begin(), diagonal.end()), high = low;
    for (std::size_t k = 0; k < n; ++k) {
      high = std::max(high, diagonal[k] + (k > 0 ? beside[k - 1] : 0) + (k + 1 < n ? beside[k] : 0));
    }
    Vector pivots;
    while (!below(high, pivots)) high += scale * 1e-15;
    while (high - low > scale * 1e-17) {
      const double middle = low + (high - low) / 2;
      if (!(middle > low && middle < high)) break;
      (below(middle, pivots) ? high : low) = middle;
    }
    below(high, pivots);
    Eigenpair result{low, Vector(n, 1)};
    Vector& x = result.vector;
    // (T - high) y = x, by the pivots, whose signs cannot change: no exchange of rows is needed.
    for (int turn = 0; turn < 4; ++turn) {
      normalise(x);
      for (std::size_t k = 1; k < n; ++k) x[k] -= beside[k - 1] / pivots[k - 1] * x[k - 1];
      x[n - 1] /= pivots[n - 1];
      for (std::size_t k = n - 1; k-- > 0;) x[k] = (x[k] - beside[k] * x[k + 1]) / pivots[k];
      const double most =
          std::abs(*std::max_element(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
      for (double& entry : x) entry /= -most;
    }
    normalise(x);
    return result;
  }
};

}  // namespace

std::vector<Eigenpair> leading_eigenpairs(std::size_t n, std::size_t count,
                                          const std::function<void(const Vector& x, Vector& y)>& multiply,
                                          const std::function<bool()>& aborted) {
  std::vector<Eigenpair> found;
  std::vector<Vector> known;
  double scale = 0;
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<Vector> basis;
    Tridiagonal t;
    Vector next(n), y(n);
    for (std::size_t i = 0; i < n; ++i) next[i] = static_cast<double>(mix64(k * n + i + 1)) * 0x1p-63 - 1;
    for (int turn = 0; turn < 2; ++turn) part(next, known), normalise(next);
    const std::size_t most = std::min(n - k, kMostSteps);
    Eigenpair best;
    for (;;) {
      if (aborted && aborted()) return found;
      basis.push_back(next);
      multiply(basis.back(), y);
      t.diagonal.push_back(dot(basis.back(), y));
      // Twice: what is left the first time is rounding, and the second removes it.
      for (int turn = 0; turn < 2; ++turn) part(y, known), part(y, basis);
      t.beside.push_back(std::sqrt(dot(y, y)));
      scale = std::max(scale, t.diagonal.back());
      if (scale == 0) {  // and so is all of the matrix
        best = {0, {1}};
        break;
      }
      const bool last = basis.size() == most || !(t.beside.back() > kNothing * scale);
      if (last || basis.size() % kLookEvery == 0) {
        best = t.largest(scale);
        scale = std::max(scale, best.value);
        if (last || t.beside.back() * best.vector.back() <= kTolerance * scale) break;
      }
      next = y;
      normalise(next);
    }
    Eigenpair pair{best.value, Vector(n)};
    for (std::size_t step = 0; step < basis.size(); ++step) add(pair.vector, best.vector[step], basis[step]);
    part(pair.vector, known);
    normalise(pair.vector);
    known.push_back(pair.vector);
    found.push_back(std::move(pair));
  }
  return found;
}

}  // namespace collide
