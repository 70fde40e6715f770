#include "cpu/clustering/principal.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/clustering/access_counts.h"
#include "core/clustering/teacher_rows.h"
#include "core/support/error.h"
#include "core/support/multiversion.h"
#include "cpu/clustering/lanczos.h"
#include "cpu/clustering/symmetric_eigen.h"
#include "cpu/support/float8.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kAllFrom = 64;           // dimensions up to which all components are made
constexpr std::size_t kMostMatrix = 512;       // dimensions up to which the covariance is a matrix
constexpr std::size_t kMostBlocks = 64;        // of ids, for sums
constexpr std::size_t kBlockBytes = 32 << 20;  // of all blocks' matrices
constexpr std::size_t kGroup = 8;              // ids that are added to a matrix together
constexpr std::size_t kChunk = 1 << 10;        // ids of a task that owns its output
constexpr std::size_t kLanes = 8;
typedef double Double8 __attribute__((vector_size(64)));

std::size_t padded(std::size_t dim) {
  return (dim + kLanes - 1) / kLanes * kLanes;
}

COLLIDE_INLINE void load(Double8& to, const double* from) {
  __builtin_memcpy(&to, from, sizeof(to));
}
COLLIDE_INLINE void store(double* to, const Double8& from) {
  __builtin_memcpy(to, &from, sizeof(from));
}

// to [padded] = point - mean, zeros behind.
COLLIDE_INLINE void centre(const float* point, const double* mean, std::size_t dim, double* to) {
  std::size_t d = 0;
  for (; d + kLanes <= dim; d += kLanes) {
    Double8 middle;
    load(middle, mean + d);
    store(to + d, __builtin_convertvector(load8(point + d), Double8) - middle);
  }
  for (; d < dim; ++d) to[d] = static_cast<double>(point[d]) - mean[d];
}

COLLIDE_INLINE double dot(const double* a, const double* b, std::size_t width) {
  Double8 sum = {};
  for (std::size_t d = 0; d < width; d += kLanes) {
    Double8 x, y;
    load(x, a + d);
    load(y, b + d);
    sum += x * y;
  }
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

// out [count] = (point - mean) . axis. Mean and axis are padded; `centred` is room for one row.
COLLIDE_MULTIVERSION void project_rows(const float* points, std::size_t count, std::size_t dim, const double* mean,
                                       const double* axis, double* centred, double* out) {
  for (std::size_t id = 0; id < count; ++id) {
    centre(points + id * dim, mean, dim, centred);
    out[id] = dot(centred, axis, padded(dim));
  }
}

// sum += weight * ((point - mean) . axis) * (point - mean), over the points.
COLLIDE_MULTIVERSION void multiply_rows(const float* points, const double* weights, std::size_t count, std::size_t dim,
                                        const double* mean, const double* axis, double* centred, double* sum) {
  for (std::size_t id = 0; id < count; ++id) {
    if (weights[id] == 0) continue;
    centre(points + id * dim, mean, dim, centred);
    const Double8 factor = Double8{} + weights[id] * dot(centred, axis, padded(dim));
    for (std::size_t d = 0; d < dim; d += kLanes) {
      Double8 x, total;
      load(x, centred + d);
      load(total, sum + d);
      store(sum + d, total + factor * x);
    }
  }
}

COLLIDE_MULTIVERSION void add_rows(const float* points, const double* weights, std::size_t count, std::size_t dim,
                                   double* sum) {
  for (std::size_t id = 0; id < count; ++id) {
    const double weight = weights[id];
    for (std::size_t d = 0; d < dim; ++d) sum[d] += weight * static_cast<double>(points[id * dim + d]);
  }
}

// matrix [width, width] += the sum over a group of scaled' plain, on and below the diagonal, and a little above; both
// [kGroup, width].
COLLIDE_MULTIVERSION void add_group(const double* scaled, const double* plain, std::size_t width, double* matrix) {
  constexpr std::size_t kRows = 4;
  for (std::size_t a = 0; a < width; a += kRows) {
    for (std::size_t b = 0; b < a + kRows; b += kLanes) {
      Double8 sums[kRows];
      for (std::size_t r = 0; r < kRows; ++r) load(sums[r], matrix + (a + r) * width + b);
      for (std::size_t j = 0; j < kGroup; ++j) {
        Double8 x;
        load(x, plain + j * width + b);
        for (std::size_t r = 0; r < kRows; ++r) sums[r] += (Double8{} + scaled[j * width + a + r]) * x;
      }
      for (std::size_t r = 0; r < kRows; ++r) store(matrix + (a + r) * width + b, sums[r]);
    }
  }
}

// y = matrix x, symmetric, [dim, dim].
COLLIDE_MULTIVERSION void multiply_matrix(const double* matrix, const double* x, std::size_t dim, double* y) {
  for (std::size_t a = 0; a < dim; ++a) {
    double lanes[kLanes] = {};
    std::size_t b = 0;
    for (; b + kLanes <= dim; b += kLanes) {
      for (std::size_t j = 0; j < kLanes; ++j) lanes[j] += matrix[a * dim + b + j] * x[b + j];
    }
    for (; b < dim; ++b) lanes[0] += matrix[a * dim + b] * x[b];
    y[a] = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  }
}

class Covariance {
 public:
  Covariance(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
             const LearnerControl& control)
      : points_(points), n_(counts.size()), dim_(dim), width_(padded(dim)), control_(control), weights_(counts) {
    if (std::all_of(counts.begin(), counts.end(), [](double count) { return count == 0; })) {
      weights_.assign(n_, 1);
    }
    for (const double weight : weights_) total_ += weight;
    mean_ = summed(width_, kMostBlocks, [this](std::size_t begin, std::size_t end, double* sum) {
      add_rows(&points_[begin * dim_], &weights_[begin], end - begin, dim_, sum);
    });
  }

  std::vector<double> mean() const { return {mean_.begin(), mean_.begin() + static_cast<std::ptrdiff_t>(dim_)}; }

  std::vector<double> matrix() const {
    const std::size_t blocks =
        std::clamp<std::size_t>(kBlockBytes / (width_ * width_ * sizeof(double)), 1, kMostBlocks);
    const auto sums = summed(width_ * width_, blocks, [this](std::size_t begin, std::size_t end, double* sum) {
      std::vector<double> plain(kGroup * width_), scaled(kGroup * width_);
      for (std::size_t id = begin; id < end; id += kGroup) {
        for (std::size_t j = 0; j < kGroup; ++j) {
          const double weight = id + j < end ? weights_[id + j] : 0;
          if (weight > 0) centre(&points_[(id + j) * dim_], mean_.data(), dim_, &plain[j * width_]);
          for (std::size_t d = 0; d < dim_; ++d) scaled[j * width_ + d] = weight * plain[j * width_ + d];
        }
        add_group(scaled.data(), plain.data(), width_, sum);
      }
    });
    std::vector<double> result(dim_ * dim_);
    for (std::size_t a = 0; a < dim_; ++a) {
      for (std::size_t b = 0; b <= a; ++b) result[a * dim_ + b] = result[b * dim_ + a] = sums[a * width_ + b];
    }
    return result;
  }

  void multiply(const std::vector<double>& x, std::vector<double>& y) const {
    std::vector<double> axis = x;
    axis.resize(width_);
    y = summed(width_, kMostBlocks, [&](std::size_t begin, std::size_t end, double* sum) {
      std::vector<double> centred(width_);
      multiply_rows(&points_[begin * dim_], &weights_[begin], end - begin, dim_, mean_.data(), axis.data(),
                    centred.data(), sum);
    });
    y.resize(dim_);
  }

  bool aborted() const { return control_.aborted && control_.aborted(); }

 private:
  // The weighted mean of `size` numbers that add(begin, end, sum) adds up for the ids [begin, end).
  template <typename Add>
  std::vector<double> summed(std::size_t size, std::size_t most_blocks, const Add& add) const {
    const std::size_t blocks = std::min(most_blocks, n_);
    std::vector<double> sums(blocks * size);
    parallel_for(blocks, control_.threads, [&](std::size_t block) {
      const std::size_t end = n_ * (block + 1) / blocks;
      // A few rows at a time, to look for an abort between.
      const std::size_t rows = std::max<std::size_t>(kGroup, (1 << 20) / size / kGroup * kGroup);
      for (std::size_t begin = n_ * block / blocks; begin < end && !aborted(); begin += rows) {
        add(begin, std::min(end, begin + rows), &sums[block * size]);
      }
    });
    for (std::size_t block = 1; block < blocks; ++block) {
      for (std::size_t k = 0; k < size; ++k) sums[k] += sums[block * size + k];
    }
    sums.resize(size);
    for (double& sum : sums) sum /= total_;
    return sums;
  }

  const std::vector<float>& points_;
  const std::size_t n_, dim_, width_;
  const LearnerControl& control_;
  std::vector<double> weights_, mean_;  // the mean is padded by zeros
  double total_ = 0;
};

// An axis and its negative are the same: the one whose largest entry, the first such, is positive.
void orient(double* axis, std::size_t dim) {
  std::size_t largest = 0;
  for (std::size_t d = 1; d < dim; ++d) {
    if (std::abs(axis[d]) > std::abs(axis[largest])) largest = d;
  }
  if (axis[largest] > 0) return;
  for (std::size_t d = 0; d < dim; ++d) axis[d] = -axis[d];
}

// Runs body(begin, end, room) for chunks of ids, with room for one padded row.
template <typename Body>
void for_chunks(std::size_t n, std::size_t width, const LearnerControl& control, const Body& body) {
  parallel_for((n + kChunk - 1) / kChunk, control.threads, [&](std::size_t chunk) {
    if (control.aborted && control.aborted()) return;
    std::vector<double> room(width);
    body(chunk * kChunk, std::min(n, (chunk + 1) * kChunk), room.data());
  });
}

std::vector<double> padded_row(const std::vector<double>& rows, std::size_t row, std::size_t dim) {
  std::vector<double> result(padded(dim));
  for (std::size_t d = 0; d < dim; ++d) result[d] = rows[row * dim + d];
  return result;
}

}  // namespace

PrincipalAxes principal_axes(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                             std::size_t components, const LearnerControl& control) {
  check_teacher_rows(points, dim, counts.size());
  check_counts(counts.data(), counts.size());
  if (components < 1 || components > dim) {
    fail("INVALID_ARGUMENT", "Expected 1 to ", dim, " components, received ", components);
  }
  const Covariance covariance(points, dim, counts, control);
  PrincipalAxes result{covariance.mean(), {}, {}};
  const auto size = static_cast<std::ptrdiff_t>(components * dim);
  if (dim <= kAllFrom || components > dim / 8) {
    auto [values, vectors] = symmetric_eigen(covariance.matrix(), dim, control.aborted);
    result.axes.assign(vectors.begin(), vectors.begin() + size);
    result.variances.assign(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(components));
  } else {
    const std::vector<double> matrix = dim <= kMostMatrix ? covariance.matrix() : std::vector<double>();
    const auto multiply = [&](const std::vector<double>& x, std::vector<double>& y) {
      if (matrix.empty()) return covariance.multiply(x, y);
      multiply_matrix(matrix.data(), x.data(), dim, y.data());
    };
    for (const auto& [value, vector] : leading_eigenpairs(dim, components, multiply, control.aborted)) {
      result.axes.insert(result.axes.end(), vector.begin(), vector.end());
      result.variances.push_back(value);
    }
  }
  for (double& variance : result.variances) variance = std::max(variance, 0.0);
  for (std::size_t k = 0; (k + 1) * dim <= result.axes.size(); ++k) orient(&result.axes[k * dim], dim);
  return result;
}

std::vector<double> projected(const std::vector<float>& points, const PrincipalAxes& axes, std::size_t component,
                              const LearnerControl& control) {
  const std::size_t dim = axes.mean.size(), n = points.size() / dim;
  const std::vector<double> mean = padded_row(axes.mean, 0, dim), axis = padded_row(axes.axes, component, dim);
  std::vector<double> result(n);
  for_chunks(n, mean.size(), control, [&](std::size_t begin, std::size_t end, double* room) {
    project_rows(&points[begin * dim], end - begin, dim, mean.data(), axis.data(), room, &result[begin]);
  });
  return result;
}

std::vector<float> rotated(const std::vector<float>& points, const PrincipalAxes& axes, const LearnerControl& control) {
  const std::size_t dim = axes.mean.size(), n = points.size() / dim, width = axes.variances.size();
  const std::vector<double> mean = padded_row(axes.mean, 0, dim);
  std::vector<float> result(n * width);
  std::vector<std::vector<double>> all;
  for (std::size_t k = 0; k < width; ++k) all.push_back(padded_row(axes.axes, k, dim));
  for_chunks(n, mean.size(), control, [&](std::size_t begin, std::size_t end, double* room) {
    std::vector<double> along(end - begin);
    for (std::size_t k = 0; k < width; ++k) {
      if (control.aborted && control.aborted()) return;
      project_rows(&points[begin * dim], end - begin, dim, mean.data(), all[k].data(), room, along.data());
      for (std::size_t id = begin; id < end; ++id) result[id * width + k] = static_cast<float>(along[id - begin]);
    }
  });
  return result;
}

}  // namespace collide
