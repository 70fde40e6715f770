#include "cpu/embedding_forward.h"

#include <algorithm>
#include <vector>

#include "cpu/multiversion.h"

namespace collide {

namespace {

constexpr std::size_t kWindow = 1024;      // ids translated at once: 4 KiB of stack per hash function
constexpr std::size_t kPrefetchRows = 16;  // rows a prefetch is ahead of its use

// One window of translated ids; positions are relative to its start.
struct Window {
  const float* table;
  const std::uint32_t* rows;
  const float* weights;  // or null
  std::size_t count;
};

// sum += the weighted rows [begin, end) of the window. Sum is float, or double for long bags.
template <int kWidth, typename Sum>
COLLIDE_INLINE void add_rows(Sum* sum, const Window& window, std::size_t begin, std::size_t end, std::size_t width) {
  const std::size_t n = kWidth > 0 ? kWidth : width;
  for (std::size_t i = begin; i < end; ++i) {
    if (i + kPrefetchRows < window.count) {
      const float* ahead = window.table + std::size_t{window.rows[i + kPrefetchRows]} * n;
      for (std::size_t j = 0; j < n; j += 16) __builtin_prefetch(ahead + j);
    }
    const float* row = window.table + std::size_t{window.rows[i]} * n;
    if (window.weights == nullptr) {
      for (std::size_t j = 0; j < n; ++j) sum[j] += row[j];
    } else {
      const float weight = window.weights[i];
      for (std::size_t j = 0; j < n; ++j) sum[j] += weight * row[j];
    }
  }
}

// Pools the bags of [first, last) from the internal tables [hash_begin, hash_end), which add up into `out`.
template <int kWidth>
COLLIDE_INLINE void pool(const PoolTask& task, std::size_t first, std::size_t last, std::size_t hash_begin,
                         std::size_t hash_end, std::size_t width, float* out) {
  std::uint32_t rows[kWindow];
  std::vector<double> wide(kWidth > 0 ? 0 : width);
  double fixed[kWidth > 0 ? kWidth : 1] = {};
  double* long_sum = kWidth > 0 ? fixed : wide.data();
  const std::size_t n = kWidth > 0 ? kWidth : width;
  const bool mean = task.feature->pooling == Pooling::kMean;
  for (std::size_t hash = hash_begin; hash < hash_end; ++hash) {
    const HashFunction& function = task.feature->hashes[hash];
    const bool add = hash > hash_begin, done = hash + 1 == hash_end;
    std::size_t bag = first;
    for (std::size_t start = task.offsets[first]; bag < last; start += kWindow) {
      const std::size_t stop = std::min<std::size_t>(start + kWindow, task.offsets[last]);
      const Window window{task.tables[hash], rows, task.weights == nullptr ? nullptr : task.weights + start,
                          stop - start};
      if (window.count > 0) function.rows_of(task.ids + start, window.count, rows);
      while (bag < last) {
        const std::size_t bag_begin = task.offsets[bag], bag_end = task.offsets[bag + 1];
        const std::size_t begin = std::max(bag_begin, start) - start, end = std::min(bag_end, stop) - start;
        const bool begins = bag_begin >= start, ends = bag_end <= stop;
        float* target = out + bag * task.stride;
        const std::size_t length = bag_end - bag_begin;
        const float share = mean && done && length > 0 ? 1.0f / static_cast<float>(length) : 1.0f;
        if (length > kLongBag) {
          if (begins) std::fill_n(long_sum, n, 0.0);
          add_rows<kWidth>(long_sum, window, begin, end, n);
          if (ends) {
            for (std::size_t j = 0; j < n; ++j) {
              target[j] = static_cast<float>((add ? target[j] : 0.0f) + long_sum[j]) * share;
            }
          }
        } else {
          float fixed_sum[kWidth > 0 ? kWidth : 1];
          float* sum = kWidth > 0 ? fixed_sum : target;
          const bool fresh = begins && !add;
          for (std::size_t j = 0; j < n; ++j) sum[j] = fresh ? 0.0f : target[j];
          add_rows<kWidth>(sum, window, begin, end, n);
          if (ends && share != 1.0f) {
            for (std::size_t j = 0; j < n; ++j) sum[j] *= share;
          }
          if (kWidth > 0) {
            for (std::size_t j = 0; j < n; ++j) target[j] = sum[j];
          }
        }
        if (!ends) break;  // goes on in the next window
        ++bag;
      }
    }
  }
}

COLLIDE_INLINE void pool_any_width(const PoolTask& task, std::size_t first, std::size_t last, std::size_t hash_begin,
                                   std::size_t hash_end, float* out) {
  const std::size_t width = task.feature->table_width();
  switch (width) {
    case 2:
      return pool<2>(task, first, last, hash_begin, hash_end, width, out);
    case 4:
      return pool<4>(task, first, last, hash_begin, hash_end, width, out);
    case 8:
      return pool<8>(task, first, last, hash_begin, hash_end, width, out);
    case 16:
      return pool<16>(task, first, last, hash_begin, hash_end, width, out);
    case 32:
      return pool<32>(task, first, last, hash_begin, hash_end, width, out);
    case 64:
      return pool<64>(task, first, last, hash_begin, hash_end, width, out);
    default:
      return pool<0>(task, first, last, hash_begin, hash_end, width, out);
  }
}

}  // namespace

COLLIDE_MULTIVERSION
void pool_bags(const PoolTask& task, std::size_t first, std::size_t last) {
  const std::size_t hashes = task.feature->hashes.size();
  if (task.feature->combine == Combine::kSum) {
    pool_any_width(task, first, last, 0, hashes, task.out);
  } else {
    for (std::size_t hash = 0; hash < hashes; ++hash) {
      pool_any_width(task, first, last, hash, hash + 1, task.out + hash * task.feature->table_width());
    }
  }
}

}  // namespace collide
