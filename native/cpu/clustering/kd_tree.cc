#include "cpu/clustering/kd_tree.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include "core/clustering/access_counts.h"
#include "core/clustering/teacher_rows.h"
#include "core/support/error.h"
#include "cpu/clustering/key_sort.h"
#include "cpu/clustering/weighted_moments.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr double kLeastCount = 0.3;         // keeps ids that were never seen from weighing nothing
constexpr std::size_t kParts = 64;          // split level by level until there are so many, then each by itself
constexpr std::size_t kPollFrom = 1 << 14;  // ids of a part worth asking whether to stop

// Places [start, end) share rows first_row .. first_row + rows - 1.
struct Part {
  std::size_t start, end;
  std::uint32_t first_row, rows;
};

class KdTree {
 public:
  KdTree(const std::vector<float>& points, std::size_t dim, const std::vector<double>& masses, std::uint32_t rows,
         const LearnerControl& control);

  std::vector<std::uint32_t> split_all();

 private:
  bool aborted() const { return control_.aborted && control_.aborted(); }
  void build(const std::vector<float>& points, const double* mass);
  void finish(const Part& part);
  // Cuts a part of two rows or more; the lower side becomes `lower`, the other is returned.
  Part split(const Part& part, Part& lower);
  std::size_t widest_axis(const Part& part, double total) const;
  std::size_t cut_of(const Part& part, std::size_t axis, double wanted) const;
  void move_columns(const Part& part, std::size_t axis, std::size_t cut);

  float* column(std::size_t axis) const { return columns_.as<float>() + axis * n_; }
  // Places in the order of an axis; axis 0 has no list, its order is the columns' own.
  std::uint32_t* list(std::size_t axis) const { return lists_.as<std::uint32_t>() + (axis - 1) * n_; }

  const std::size_t n_, dim_;
  const std::uint32_t rows_;
  const LearnerControl& control_;
  const std::thread::id caller_ = std::this_thread::get_id();
  Memory columns_, masses_, ids_, lists_, scratch_, moved_;
  double *mass_ = nullptr, *spare_ = nullptr;
  std::uint32_t *id_ = nullptr, *to_ = nullptr;
  std::vector<std::uint32_t> assignment_;
  std::atomic<std::uint64_t> finished_ = 0;
};

// Values that `lower` says go to the front, the others behind them; both keep their order.
template <typename T, typename Lower>
void partition(T* values, T* scratch, std::size_t n, const Lower& lower) {
  std::size_t kept = 0, moved = 0;
  for (std::size_t k = 0; k < n; ++k) {  // without branches: the side cannot be predicted
    const T value = values[k];
    const bool low = lower(k, value);
    values[kept] = value;
    scratch[moved] = value;
    kept += low;
    moved += !low;
  }
  std::copy(scratch, scratch + moved, values + kept);
}

// Sums of masses are exact, so they may run in lanes.
double sum_of(const double* mass, std::size_t n) {
  double lanes[4] = {};
  std::size_t k = 0;
  for (; k + 4 <= n; k += 4) {
    for (std::size_t j = 0; j < 4; ++j) lanes[j] += mass[k + j];
  }
  for (; k < n; ++k) lanes[0] += mass[k];
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// The first place at which the running sum of at(place) reaches `wanted`, as a number of places.
template <typename At>
std::size_t reach(std::size_t start, std::size_t end, double wanted, const At& at) {
  constexpr std::size_t kGroup = 16;
  double sum = 0;
  std::size_t k = start;
  for (; k + kGroup <= end; k += kGroup) {
    double four[4] = {};
    for (std::size_t j = 0; j < kGroup; ++j) four[j % 4] += at(k + j);
    const double with = sum + ((four[0] + four[1]) + (four[2] + four[3]));
    if (with >= wanted) break;
    sum = with;
  }
  for (; k < end && sum < wanted; ++k) sum += at(k);
  return k - start;
}

KdTree::KdTree(const std::vector<float>& points, std::size_t dim, const std::vector<double>& masses, std::uint32_t rows,
               const LearnerControl& control)
    : n_(masses.size()),
      dim_(dim),
      rows_(rows),
      control_(control),
      columns_(n_ * dim * sizeof(float), "the kd-tree"),
      masses_(n_ * sizeof(double), "the kd-tree"),
      ids_(n_ * sizeof(std::uint32_t), "the kd-tree"),
      lists_(n_ * (dim - 1) * sizeof(std::uint32_t), "the kd-tree"),
      moved_(n_ * sizeof(std::uint32_t), "the kd-tree"),
      mass_(masses_.as<double>()),
      id_(ids_.as<std::uint32_t>()),
      to_(moved_.as<std::uint32_t>()),
      assignment_(n_) {
  build(points, masses.data());
}

void KdTree::build(const std::vector<float>& points, const double* mass) {
  KeyedIds order(n_);
  for (std::size_t axis = 0; axis < dim_; ++axis) {
    for (std::size_t id = 0; id < n_; ++id) {
      order[id] = {key_of(static_cast<double>(points[id * dim_ + axis])), static_cast<std::uint32_t>(id)};
    }
    if (!order.sort(Ties::kByMix, control_.threads, control_.aborted)) return;
    constexpr std::size_t kAhead = 24;
    for (std::size_t k = 0; k < n_; ++k) {
      const std::uint32_t id = order[k].id, soon = order[std::min(k + kAhead, n_ - 1)].id;
      __builtin_prefetch(&to_[soon]);
      if (axis == 0) {
        __builtin_prefetch(&mass[soon]);
        __builtin_prefetch(&points[soon * dim_]);
        id_[k] = id, mass_[k] = mass[id];
        to_[id] = static_cast<std::uint32_t>(k);
        for (std::size_t d = 0; d < dim_; ++d) column(d)[k] = points[id * dim_ + d];
      } else {
        list(axis)[k] = to_[id];
      }
    }
  }
  scratch_ = Memory(n_ * sizeof(double), "the kd-tree");
  spare_ = scratch_.as<double>();
}

std::size_t KdTree::widest_axis(const Part& part, double total) const {
  const std::size_t size = part.end - part.start;
  const double* mass = mass_ + part.start;
  std::size_t widest = 0;
  double most = -1;
  for (std::size_t axis = 0; axis < dim_ && dim_ > 1; ++axis) {
    const float* values = column(axis) + part.start;
    const double variance = weighted_squares(values, mass, size, weighted_sum(values, mass, size) / total);
    if (variance > most) most = variance, widest = axis;
  }
  return widest;
}

std::size_t KdTree::cut_of(const Part& part, std::size_t axis, double wanted) const {
  if (axis == 0) return reach(part.start, part.end, wanted, [this](std::size_t k) { return mass_[k]; });
  const std::uint32_t* places = list(axis);
  return reach(part.start, part.end, wanted, [&](std::size_t k) { return mass_[places[k]]; });
}

// Brings the columns, and the places that the lists name, to where a cut along another axis than 0 sends them.
void KdTree::move_columns(const Part& part, std::size_t axis, std::size_t cut) {
  const auto [start, end, first_row, rows] = part;
  std::uint32_t* places = list(axis);
  for (std::size_t k = start; k < end; ++k) to_[places[k]] = k < cut ? 1 : 0;
  const auto low = [this, start](std::size_t k, const auto&) { return to_[start + k] != 0; };
  const std::size_t size = end - start;
  for (std::size_t d = 0; d < dim_; ++d) {
    partition(column(d) + start, reinterpret_cast<float*>(spare_ + start), size, low);
  }
  partition(mass_ + start, spare_ + start, size, low);
  partition(id_ + start, reinterpret_cast<std::uint32_t*>(spare_ + start), size, low);
  std::uint32_t lower = static_cast<std::uint32_t>(start), upper = static_cast<std::uint32_t>(cut);
  for (std::size_t k = start; k < end; ++k) {
    const std::uint32_t side = to_[k];
    to_[k] = upper ^ ((upper ^ lower) & (0 - side));  // side ? lower : upper, without a branch
    lower += side, upper += 1 - side;
  }
  for (std::size_t d = 1; d < dim_; ++d) {
    for (std::size_t k = start; k < end; ++k) list(d)[k] = to_[list(d)[k]];
  }
}

Part KdTree::split(const Part& part, Part& lower) {
  const auto [start, end, first_row, rows] = part;
  const std::uint32_t half = rows / 2;
  const double total = sum_of(mass_ + start, end - start);
  const std::size_t axis = widest_axis(part, total);
  const double wanted = static_cast<double>(half) / rows * total;
  const std::size_t least = half, most = (end - start) - (rows - half);
  const std::size_t cut = start + std::clamp(cut_of(part, axis, wanted), least, most);
  if (axis != 0) move_columns(part, axis, cut);
  for (std::size_t d = 1; d < dim_; ++d) {
    if (d == axis) continue;
    partition(list(d) + start, reinterpret_cast<std::uint32_t*>(spare_ + start), end - start,
              [cut](std::size_t, std::uint32_t place) { return place < cut; });
  }
  lower = {start, cut, first_row, half};
  return {cut, end, first_row + half, rows - half};
}

// Splits a part down to single rows.
void KdTree::finish(const Part& whole) {
  std::vector<Part> parts = {whole};
  while (!parts.empty()) {
    Part part = parts.back();
    parts.pop_back();
    if (part.end - part.start >= kPollFrom && aborted()) return;
    while (part.rows > 1) {
      Part lower;
      parts.push_back(split(part, lower));
      part = lower;
    }
    for (std::size_t k = part.start; k < part.end; ++k) assignment_[id_[k]] = part.first_row;
  }
  const std::uint64_t finished = finished_ += whole.rows;
  if (control_.progress && finished < rows_ && std::this_thread::get_id() == caller_) {
    control_.progress(static_cast<double>(finished), static_cast<double>(rows_));
  }
}

std::vector<std::uint32_t> KdTree::split_all() {
  std::vector<Part> parts = {{0, n_, 0, rows_}};
  while (parts.size() < std::min<std::size_t>(kParts, rows_) && !aborted()) {
    std::vector<Part> halves(2 * parts.size());
    parallel_for(parts.size(), control_.threads, [&](std::size_t p) {
      Part& lower = halves[2 * p];
      if (parts[p].rows > 1) {
        halves[2 * p + 1] = split(parts[p], lower);
      } else {
        lower = parts[p];
        halves[2 * p + 1] = {0, 0, 0, 0};
      }
    });
    std::erase_if(halves, [](const Part& part) { return part.rows == 0; });
    parts = std::move(halves);
  }
  if (aborted()) return {};
  parallel_for(parts.size(), control_.threads, [&](std::size_t p) { finish(parts[p]); });
  if (control_.progress) control_.progress(static_cast<double>(rows_), static_cast<double>(rows_));
  return std::move(assignment_);
}

}  // namespace

std::vector<double> kd_tree_masses(const std::vector<float>& points, std::size_t dim, std::vector<double> counts,
                                   std::uint64_t rows, unsigned threads) {
  check_teacher_rows(points, dim, counts.size());
  if (rows < 1) fail("INVALID_ARGUMENT", "Expected rows >= 1, received ", rows);
  check_counts(counts.data(), counts.size());
  masses_of(counts.data(), counts.size(), MassOf::kSqrt, kLeastCount, threads, counts.data());
  return counts;
}

std::vector<std::uint32_t> kd_tree_cells(const std::vector<float>& points, std::size_t dim,
                                         const std::vector<double>& masses, std::uint64_t rows,
                                         const LearnerControl& control) {
  const auto used = static_cast<std::uint32_t>(std::min<std::uint64_t>(rows, masses.size()));
  return KdTree(points, dim, masses, used, control).split_all();
}

std::vector<std::uint32_t> kd_tree_rows(const std::vector<float>& points, std::size_t dim, std::vector<double> counts,
                                        std::uint64_t rows, const LearnerControl& control) {
  return kd_tree_cells(points, dim, kd_tree_masses(points, dim, std::move(counts), rows, control.threads), rows,
                       control);
}

}  // namespace collide
