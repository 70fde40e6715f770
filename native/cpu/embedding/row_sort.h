// The gradients of a batch in the order of the rows they go to: a stable radix sort, least significant digit first, of
// (row, where its gradient is). Stable and unique: the same result however many threads sort.
#pragma once

#include <cstddef>
#include <cstdint>

namespace collide {

struct RowEntry {
  std::uint32_t row;
  std::uint32_t source;  // float of the gradient where this entry's columns begin

  static constexpr float coefficient = 1;
};

struct WeightedRowEntry {
  std::uint32_t row;
  std::uint32_t source;
  float coefficient;
};

// Sorts entries[0, n) by row, each at most `most`; returns the half of [entries, spare] that holds the result. One pass
// to count and one per 11 bits of `most`; on one thread, or with every pass split over `threads` threads.
template <typename Entry>
Entry* sort_by_row(Entry* entries, Entry* spare, std::size_t n, std::uint64_t most);
template <typename Entry>
Entry* sort_by_row(Entry* entries, Entry* spare, std::size_t n, std::uint64_t most, unsigned threads);

}  // namespace collide
