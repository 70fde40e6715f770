// std::sort on the pool: pieces are sorted side by side, then merged two by two. For orders without ties, whose result
// is then the same for any number of threads. O(n log n), no memory of its own but what std::inplace_merge takes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cpu/support/thread_pool.h"

namespace collide {

template <typename T, typename Before>
void parallel_sort(std::vector<T>& items, unsigned threads, const Before& before) {
  constexpr std::size_t kLeastPiece = 1 << 14;  // items worth waking a thread for
  if (threads == 0) threads = available_threads();
  std::size_t pieces = 1;
  while (pieces < threads && items.size() / (2 * pieces) >= kLeastPiece) pieces *= 2;
  const auto at = [&](std::size_t piece) {
    return items.begin() + static_cast<std::ptrdiff_t>(items.size() * piece / pieces);
  };
  parallel_for(pieces, threads, [&](std::size_t piece) { std::sort(at(piece), at(piece + 1), before); });
  for (std::size_t width = 1; width < pieces; width *= 2) {
    parallel_for(pieces / (2 * width), threads, [&](std::size_t pair) {
      const std::size_t first = 2 * width * pair;
      std::inplace_merge(at(first), at(first + width), at(first + 2 * width), before);
    });
  }
}

}  // namespace collide
