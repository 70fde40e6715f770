#include "cpu/embedding/row_sort.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr unsigned kMostBits = 11;  // of a digit: 2,048 counters stay in the first-level cache
constexpr unsigned kMostPasses = 3;
constexpr std::size_t kChunk = 1 << 15;  // entries per task of a parallel pass
constexpr std::size_t kFew = 32;         // so few are sorted by insertion

struct Digits {
  unsigned passes, bits;
  std::uint32_t mask;

  // Digits of equal length; short ones for few entries, whose counters would cost more than a pass.
  Digits(std::uint64_t most, std::size_t n) {
    const unsigned all = std::bit_width(most);
    const unsigned longest = std::clamp<unsigned>(std::bit_width(n), 6, kMostBits);
    passes = std::max(1u, (all + longest - 1) / longest);
    if (passes > kMostPasses) passes = (all + kMostBits - 1) / kMostBits;
    bits = (all + passes - 1) / passes;
    mask = (1u << bits) - 1;
  }
  std::uint32_t of(std::uint32_t row, unsigned pass) const { return row >> pass * bits & mask; }
};

void starts_from_counts(std::uint32_t* counts, std::size_t n) {
  std::uint32_t start = 0;
  for (std::size_t i = 0; i < n; ++i) start += std::exchange(counts[i], start);
}

template <typename Entry>
void insertion_sort(Entry* entries, std::size_t n) {
  for (std::size_t i = 1; i < n; ++i) {
    const Entry entry = entries[i];
    std::size_t at = i;
    for (; at > 0 && entries[at - 1].row > entry.row; --at) entries[at] = entries[at - 1];
    entries[at] = entry;
  }
}

}  // namespace

template <typename Entry>
Entry* sort_by_row(Entry* entries, Entry* spare, std::size_t n, std::uint64_t most) {
  if (n <= kFew) {
    insertion_sort(entries, n);
    return entries;
  }
  const Digits digits(most, n);
  std::uint32_t starts[kMostPasses][1u << kMostBits];
  for (unsigned pass = 0; pass < digits.passes; ++pass) std::fill_n(starts[pass], digits.mask + 1, 0u);
  if (digits.passes == 1) {
    for (std::size_t i = 0; i < n; ++i) ++starts[0][entries[i].row];
  } else if (digits.passes == 2) {
    for (std::size_t i = 0; i < n; ++i) {
      ++starts[0][digits.of(entries[i].row, 0)];
      ++starts[1][digits.of(entries[i].row, 1)];
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      ++starts[0][digits.of(entries[i].row, 0)];
      ++starts[1][digits.of(entries[i].row, 1)];
      ++starts[2][digits.of(entries[i].row, 2)];
    }
  }
  for (unsigned pass = 0; pass < digits.passes; ++pass) {
    std::uint32_t* next = starts[pass];
    starts_from_counts(next, digits.mask + 1);
    for (std::size_t i = 0; i < n; ++i) spare[next[digits.of(entries[i].row, pass)]++] = entries[i];
    std::swap(entries, spare);
  }
  return entries;
}

template <typename Entry>
Entry* sort_by_row(Entry* entries, Entry* spare, std::size_t n, std::uint64_t most, unsigned threads) {
  const std::size_t chunks = (n + kChunk - 1) / kChunk;
  if (chunks < 2) return sort_by_row(entries, spare, n, most);
  const Digits digits(most, n);
  const std::size_t values = digits.mask + std::size_t{1};
  std::vector<std::uint32_t> starts(chunks * values);  // [chunk][value of the digit]
  for (unsigned pass = 0; pass < digits.passes; ++pass) {
    parallel_for(chunks, threads, [&](std::size_t chunk) {
      std::uint32_t* counts = starts.data() + chunk * values;
      std::fill_n(counts, values, 0u);
      const std::size_t end = std::min(n, (chunk + 1) * kChunk);
      for (std::size_t i = chunk * kChunk; i < end; ++i) ++counts[digits.of(entries[i].row, pass)];
    });
    std::uint32_t start = 0;
    for (std::size_t value = 0; value < values; ++value) {
      for (std::size_t chunk = 0; chunk < chunks; ++chunk)
        start += std::exchange(starts[chunk * values + value], start);
    }
    parallel_for(chunks, threads, [&](std::size_t chunk) {
      std::uint32_t* next = starts.data() + chunk * values;
      const std::size_t end = std::min(n, (chunk + 1) * kChunk);
      for (std::size_t i = chunk * kChunk; i < end; ++i) spare[next[digits.of(entries[i].row, pass)]++] = entries[i];
    });
    std::swap(entries, spare);
  }
  return entries;
}

template RowEntry* sort_by_row(RowEntry*, RowEntry*, std::size_t, std::uint64_t);
template RowEntry* sort_by_row(RowEntry*, RowEntry*, std::size_t, std::uint64_t, unsigned);
template WeightedRowEntry* sort_by_row(WeightedRowEntry*, WeightedRowEntry*, std::size_t, std::uint64_t);
template WeightedRowEntry* sort_by_row(WeightedRowEntry*, WeightedRowEntry*, std::size_t, std::uint64_t, unsigned);

}  // namespace collide
