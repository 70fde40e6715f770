// The ids that own a row (hash kind hot): a bitmap in lines of 64 bytes that carry their own ranks, 8/7 bit per id, so
// that the row of an id costs one cache line and at most two counts of bits. The k-th set id owns row k.
//
// A line is eight 64-bit words for 448 ids. Word 0, the head: bits 0..31 count the set bits of all lines before; three
// fields of 9 bits from bit 32 count the set bits of this line before its words 3, 5 and 7. Words 1..7: one bit per id.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/support/portable.h"

namespace collide {

inline constexpr std::uint32_t kHotIdsPerLine = 448;
inline constexpr std::size_t kHotWordsPerLine = 8;

COLLIDE_HD std::size_t hot_line(std::uint32_t id) {
  return id / kHotIdsPerLine;
}

// The row of an id: its rank among the ids that own one, or `cold` for an id that does not. Free of branches: whether
// the next id is hot cannot be predicted.
COLLIDE_HD std::uint32_t hot_row(const std::uint64_t* lines, std::uint32_t id, std::uint32_t cold) {
  const std::uint64_t* line = lines + hot_line(id) * kHotWordsPerLine;
  const std::uint32_t word = id % kHotIdsPerLine / 64, bit = id % 64;
  const std::uint64_t head = load(line), bits = load(line + 1 + word);
  // The heads count pairs of words; of a pair's second word the first is still to be counted.
  const std::uint64_t first_of_pair = load(line + word) & (std::uint64_t{0} - (word & 1));
  std::uint32_t rank = static_cast<std::uint32_t>(head);
  rank += static_cast<std::uint32_t>((head >> 32 << 9) >> (9 * (word / 2))) & 511;
  rank += count_ones(first_of_pair) + count_ones(bits & ((std::uint64_t{1} << bit) - 1));
  const std::uint32_t owned = 0u - static_cast<std::uint32_t>(bits >> bit & 1);
  return (rank & owned) | (cold & ~owned);
}

}  // namespace collide
