#include "cpu/clustering/lsh.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>
#include <tuple>

#include "core/clustering/teacher_rows.h"
#include "core/support/error.h"
#include "core/support/random.h"
#include "cpu/clustering/parallel_sort.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr int kMostWidths = 60;      // of one bisection
constexpr double kFinest = 0x1p-40;  // narrowest width tried, as a share of the range: duplicates need no finer
constexpr double kEnough = 0.98;     // share of the rows that a width should need
constexpr std::uint64_t kFree = 0;   // an unused slot
constexpr std::uint64_t kUnlimited = ~0ull;
constexpr std::size_t kBlock = 4096;  // ids of a task
constexpr std::size_t kAhead = 16;    // keys

class Lsh {
 public:
  Lsh(const std::vector<float>& points, std::size_t dim, const std::vector<double>& directions,
      const std::vector<double>& offsets, std::uint32_t rows, std::uint64_t max_size, const LearnerControl& control)
      : hashes_(offsets.size() - 1),
        ids_(points.size() / dim),
        rows_(rows),
        max_size_(max_size),
        control_(control),
        offsets_(offsets),
        projections_(ids_ * offsets.size()),
        slots_(std::bit_ceil(2 * (std::size_t{rows} + 1)), {kFree, 0}) {
    std::vector<double> ranges((ids_ + kBlock - 1) / kBlock);
    for_ids(0, ids_, [&](std::size_t id) {
      double& range = ranges[id / kBlock];
      for (std::size_t j = 0; j < offsets.size(); ++j) {
        double sum = 0;
        for (std::size_t d = 0; d < dim; ++d)
          sum += static_cast<double>(points[id * dim + d]) * directions[j * dim + d];
        projections_[id * offsets.size() + j] = sum;
        if (j < hashes_) range = std::max(range, std::abs(sum));
      }
    });
    range_ = *std::max_element(ranges.begin(), ranges.end());
  }

  LshClustering run() {
    LshClustering result;
    if (!find_width()) return result;
    result.width = width_;
    const std::size_t stride = offsets_.size();
    // From here on the projections but the last are cells.
    for_ids(0, ids_, [&](std::size_t id) {
      for (std::size_t j = 0; j < hashes_; ++j) projections_[id * stride + j] = cell(id, j, width_);
    });
    order_.resize(ids_);
    std::iota(order_.begin(), order_.end(), 0u);
    if (!sort()) return result;
    const std::vector<Bucket> buckets = shared_out();
    result.buckets = buckets.size();
    result.assignment.resize(ids_);
    std::uint32_t row = 0;
    for (const Bucket& bucket : buckets) {
      if (bucket.pieces > 1) ++result.split_buckets;
      for (std::uint64_t piece = 0; piece < bucket.pieces; ++piece, ++row) {
        const std::uint64_t end = (piece + 1) * bucket.size / bucket.pieces;
        for (std::uint64_t k = piece * bucket.size / bucket.pieces; k < end; ++k) {
          result.assignment[order_[bucket.begin + k]] = row;
        }
      }
    }
    return result;
  }

 private:
  struct Stopped {};
  struct Slot {
    std::uint64_t key;
    std::uint32_t size;
  };
  struct Bucket {
    std::uint64_t begin, size, pieces;
  };

  bool stopped() const { return control_.aborted && control_.aborted(); }

  // False when stopped, which only a comparison can notice in mid-sort.
  bool sort() {
    try {
      parallel_sort(order_, control_.threads, [&](std::uint32_t a, std::uint32_t b) {
        if (stopped()) throw Stopped{};
        return before(a, b);
      });
    } catch (const Stopped&) {
      return false;
    }
    return true;
  }

  // Runs body(id) for the ids [begin, end), `begin` a multiple of kBlock; a block is one task. None once stopped.
  template <typename Body>
  void for_ids(std::size_t begin, std::size_t end, const Body& body) const {
    parallel_for((end - begin + kBlock - 1) / kBlock, control_.threads, [&](std::size_t block) {
      if (stopped()) return;
      const std::size_t first = begin + block * kBlock;
      for (std::size_t id = first; id < std::min(end, first + kBlock); ++id) body(id);
    });
  }

  std::uint64_t key_of_cells(std::size_t id, double width) const {
    std::uint64_t key = 0;
    for (std::size_t j = 0; j < hashes_; ++j) {
      // + 0.0 makes -0 the same cell as 0.
      key = mix64(key ^ std::bit_cast<std::uint64_t>(cell(id, j, width) + 0.0));
    }
    return key | 1;  // never kFree
  }

  double cell(std::size_t id, std::size_t j, double width) const {
    return std::floor(projections_[id * offsets_.size() + j] / width + offsets_[j]);
  }

  // Rows that a width needs, or rows + 1 when it is more than there are.
  std::uint64_t needed(double width) {
    std::fill(slots_.begin(), slots_.end(), Slot{kFree, 0});
    std::uint64_t pieces = 0;
    // Keys of a few blocks at a time: most widths that are too narrow show it early.
    for (std::size_t begin = 0; begin < ids_; begin += keys_.size()) {
      const std::size_t end = std::min(ids_, begin + keys_.size());
      for_ids(begin, end, [&](std::size_t id) { keys_[id - begin] = key_of_cells(id, width); });
      for (std::size_t k = 0; k < end - begin; ++k) {
        const std::uint64_t key = keys_[k];
        __builtin_prefetch(&slots_[keys_[std::min(k + kAhead, end - begin - 1)] >> 1 & (slots_.size() - 1)]);
        std::size_t at = key >> 1 & (slots_.size() - 1);
        while (slots_[at].key != kFree && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
        slots_[at].key = key;
        if (slots_[at].size++ % max_size_ == 0 && ++pieces > rows_) return pieces;
      }
    }
    return pieces;
  }

  // False when stopped.
  bool find_width() {
    double narrow = 0, wide = range_ > 0 ? range_ : 1;
    double widths = 0;
    const auto fits = [&](double width, std::uint64_t& need) {
      need = needed(width);
      if (control_.progress) control_.progress(share_of_search(++widths), static_cast<double>(need));
      return need <= rows_;
    };
    std::uint64_t need = 0;
    // A width far beyond the range leaves one bucket; its pieces fit, since max_size is at least ids / rows.
    while (!fits(wide, need)) {
      if (stopped()) return false;
      narrow = wide;
      wide *= 2;
    }
    const double least = kFinest * wide;
    while (narrow == 0 && need < kEnough * rows_ && wide > least) {
      if (stopped()) return false;
      std::uint64_t tried = 0;
      if (fits(wide / 2, tried)) {
        wide /= 2;
        need = tried;
      } else {
        narrow = wide / 2;
      }
    }
    for (int step = 0; narrow > 0 && need < kEnough * rows_ && step < kMostWidths; ++step) {
      if (stopped()) return false;
      const double middle = narrow + (wide - narrow) / 2;
      std::uint64_t tried = 0;
      if (fits(middle, tried)) {
        wide = middle;
        need = tried;
      } else {
        narrow = middle;
      }
    }
    if (control_.progress) control_.progress(1, static_cast<double>(need));
    width_ = wide;
    return true;
  }

  int compare_cells(std::uint32_t a, std::uint32_t b) const {
    const double* left = &projections_[a * offsets_.size()];
    const double* right = &projections_[b * offsets_.size()];
    for (std::size_t j = 0; j < hashes_; ++j) {
      if (left[j] != right[j]) return left[j] < right[j] ? -1 : 1;
    }
    return 0;
  }

  bool before(std::uint32_t a, std::uint32_t b) const {
    const int cells = compare_cells(a, b);
    if (cells != 0) return cells < 0;
    const double left = projections_[a * offsets_.size() + hashes_];
    const double right = projections_[b * offsets_.size() + hashes_];
    return left != right ? left < right : mix64(a) < mix64(b);
  }

  // The buckets in the order of their cells, the rows shared out among them.
  std::vector<Bucket> shared_out() const {
    std::vector<Bucket> buckets;
    std::uint64_t left = rows_;
    for (std::size_t begin = 0; begin < ids_;) {
      std::size_t end = begin + 1;
      while (end < ids_ && compare_cells(order_[begin], order_[end]) == 0) ++end;
      const std::uint64_t size = end - begin;
      const std::uint64_t pieces = size / max_size_ + (size % max_size_ > 0 ? 1 : 0);
      buckets.push_back({begin, size, pieces});
      left -= pieces;
      begin = end;
    }
    // Most ids per piece first, of equals the first bucket.
    const auto after = [&](std::size_t a, std::size_t b) {
      const std::uint64_t left_load = buckets[a].size * buckets[b].pieces;
      const std::uint64_t right_load = buckets[b].size * buckets[a].pieces;
      return left_load != right_load ? left_load < right_load : a > b;
    };
    std::vector<std::size_t> all(buckets.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::priority_queue fullest(after, std::move(all));
    for (; left > 0; --left) {
      const std::size_t k = fullest.top();
      fullest.pop();
      ++buckets[k].pieces;
      fullest.push(k);
    }
    return buckets;
  }

  const std::size_t hashes_, ids_;
  const std::uint64_t rows_, max_size_;
  const LearnerControl& control_;
  const std::vector<double>& offsets_;
  std::vector<double> projections_;  // [ids, hashes + 1]
  std::vector<Slot> slots_;          // an open hash table of the keys seen so far; rows + 1 at most
  std::vector<std::uint64_t> keys_ = std::vector<std::uint64_t>(16 * kBlock);
  std::vector<std::uint32_t> order_;
  double range_ = 0, width_ = 0;
};

}  // namespace

LshClustering lsh(const std::vector<float>& points, std::size_t dim, const std::vector<double>& directions,
                  const std::vector<double>& offsets, const LshOptions& options, const LearnerControl& control) {
  check_teacher_rows(points, dim, dim == 0 ? 0 : points.size() / dim);
  if (offsets.size() < 2 || directions.size() != offsets.size() * dim) {
    fail("INVALID_ARGUMENT", "Expected at least two directions of dim values and as many offsets, received ",
         directions.size(), " values and ", offsets.size(), " offsets");
  }
  if (options.rows < 1) fail("INVALID_ARGUMENT", "Expected rows >= 1, received ", options.rows);
  const std::uint64_t ids = points.size() / dim;
  const auto rows = static_cast<std::uint32_t>(std::min<std::uint64_t>(options.rows, ids));
  const std::uint64_t max_size = options.max_size == 0 ? kUnlimited : options.max_size;
  if (max_size < (ids + rows - 1) / rows) {
    fail("INVALID_ARGUMENT", "Expected room for ", ids, " ids in ", rows, " rows, received rows of at most ", max_size);
  }
  return Lsh(points, dim, directions, offsets, rows, max_size, control).run();
}

}  // namespace collide
