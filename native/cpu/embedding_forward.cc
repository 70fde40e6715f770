#include "cpu/embedding_forward.h"

#include <algorithm>
#include <cstring>

#include "cpu/multiversion.h"

namespace collide {

namespace {

constexpr std::size_t kWindow = 1024;      // ids translated at once: 4 KiB of stack per hash function
constexpr std::size_t kPrefetchRows = 16;  // rows a prefetch is ahead of its use

// acc += scale * row, in blocks the compiler keeps in registers.
template <int kWidth>
COLLIDE_INLINE void add_row(float* acc, const float* row, std::size_t width, float scale, bool scaled) {
  const std::size_t n = kWidth > 0 ? kWidth : width;
  if (scaled) {
    for (std::size_t j = 0; j < n; ++j) acc[j] += scale * row[j];
  } else {
    for (std::size_t j = 0; j < n; ++j) acc[j] += row[j];
  }
}

// Adds the rows of ids [begin, end) of the window, from one internal table, to acc.
template <int kWidth>
COLLIDE_INLINE void add_rows(float* acc, const float* table, const std::uint32_t* rows, const float* weights,
                             std::size_t begin, std::size_t end, std::size_t window_end, std::size_t width) {
  const std::size_t n = kWidth > 0 ? kWidth : width;
  for (std::size_t i = begin; i < end; ++i) {
    if (i + kPrefetchRows < window_end) {
      const float* ahead = table + std::size_t{rows[i + kPrefetchRows]} * n;
      for (std::size_t j = 0; j < n; j += 16) __builtin_prefetch(ahead + j);
    }
    add_row<kWidth>(acc, table + std::size_t{rows[i]} * n, n, weights == nullptr ? 0 : weights[i], weights != nullptr);
  }
}

// Pools the bags of [first, last) from the internal tables [hash_begin, hash_end), which add up into `out`.
template <int kWidth>
COLLIDE_INLINE void pool(const PoolTask& task, std::size_t first, std::size_t last, std::size_t hash_begin,
                         std::size_t hash_end, std::size_t width, float* out) {
  std::uint32_t rows[kWindow];
  const std::size_t n = kWidth > 0 ? kWidth : width;
  const bool mean = task.feature->pooling == Pooling::kMean;
  for (std::size_t hash = hash_begin; hash < hash_end; ++hash) {
    const HashFunction& function = task.feature->hashes[hash];
    const float* table = task.tables[hash];
    const bool add = hash > hash_begin, done = hash + 1 == hash_end;
    std::size_t bag = first;
    for (std::size_t window = task.offsets[first]; bag < last; window += kWindow) {
      const std::size_t window_end = std::min<std::size_t>(window + kWindow, task.offsets[last]);
      const std::size_t count = window_end - window;
      if (count > 0) function.rows_of(task.ids + window, count, rows);
      const float* weights = task.weights == nullptr ? nullptr : task.weights + window;
      while (bag < last) {
        const std::size_t bag_begin = task.offsets[bag], bag_end = task.offsets[bag + 1];
        const std::size_t begin = std::max(bag_begin, window), end = std::min(bag_end, window_end);
        float* target = out + bag * task.stride;
        if constexpr (kWidth > 0) {
          float acc[kWidth > 0 ? kWidth : 1];
          if (add || bag_begin < window) {
            std::memcpy(acc, target, sizeof(acc));
          } else {
            std::memset(acc, 0, sizeof(acc));
          }
          add_rows<kWidth>(acc, table, rows, weights, begin - window, end - window, count, n);
          std::memcpy(target, acc, sizeof(acc));
        } else {
          if (!add && bag_begin >= window) std::fill_n(target, n, 0.0f);
          add_rows<0>(target, table, rows, weights, begin - window, end - window, count, n);
        }
        if (bag_end > window_end) break;  // goes on in the next window
        if (mean && done && bag_end > bag_begin) {
          const float share = 1.0f / static_cast<float>(bag_end - bag_begin);
          for (std::size_t j = 0; j < n; ++j) target[j] *= share;
        }
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
