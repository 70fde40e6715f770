#include "core/hashing/hash_function.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/hashing/hot_ids.h"
#include "core/support/error.h"
#include "core/support/multiversion.h"

namespace collide {

namespace {

constexpr std::uint64_t kChunk = 1024;  // entries checked at once

COLLIDE_MULTIVERSION
std::uint32_t largest_of(const std::uint32_t* values, std::size_t n) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, values[i]);
  return largest;
}

// The first id whose entry is above `most`, or the cardinality; `largest` becomes the largest entry up to there.
std::uint64_t first_above(const HashFunction& hash, std::uint64_t cardinality, std::uint32_t most,
                          std::uint32_t& largest) {
  std::uint32_t ids[kChunk], entries[kChunk];
  for (std::uint64_t begin = 0; begin < cardinality; begin += kChunk) {
    const std::uint64_t n = std::min(kChunk, cardinality - begin);
    for (std::uint64_t i = 0; i < n; ++i) ids[i] = static_cast<std::uint32_t>(begin + i);
    hash.rows_of(ids, n, entries);
    const std::uint32_t chunk_largest = largest_of(entries, n);
    if (chunk_largest > most) {
      return begin + (std::find_if(entries, entries + n, [&](std::uint32_t row) { return row > most; }) - entries);
    }
    largest = std::max(largest, chunk_largest);
  }
  return cardinality;
}

}  // namespace

HashFunction HashFunction::copy() const {
  HashFunction other;
  other.kind = kind;
  other.rows = rows;
  other.seed = seed;
  other.divisor = divisor;
  other.bits_per_entry = bits_per_entry;
  other.prunes = prunes;
  other.entries = entries.copy("a mapping");
  other.hot_lines = hot_lines.copy("a bitmap of hot ids");
  other.hot_rows = hot_rows;
  other.mixed_tail = mixed_tail;
  return other;
}

std::size_t HashFunction::mapping_bytes() const {
  if (kind == HashKind::kTable) return entries.bytes() - kEntryPadding;
  return hot_lines.bytes();
}

HashFunction make_table_hash(std::uint64_t rows, unsigned bits_per_entry, const std::uint8_t* entries,
                             std::size_t bytes, std::uint64_t cardinality, const std::string& where) {
  if (rows < 1 || rows > kMostRows) {
    fail("INVALID_ARGUMENT", "Expected 1 to ", kMostRows, " rows for ", where, ", received ", rows);
  }
  if (bits_per_entry < 1 || bits_per_entry > 32 || bytes != (cardinality * bits_per_entry + 7) / 8) {
    fail("INVALID_ARGUMENT", "Expected ", cardinality, " packed entries for ", where, ", received ", bytes,
         " bytes of ", bits_per_entry, " bits per entry");
  }
  HashFunction hash;
  hash.kind = HashKind::kTable;
  hash.rows = rows;
  hash.bits_per_entry = bits_per_entry;
  hash.entries = Memory(bytes + kEntryPadding, "a mapping");
  if (bytes > 0) std::memcpy(hash.entries.as<std::uint8_t>(), entries, bytes);
  std::uint32_t largest = 0;
  const std::uint64_t bad = first_above(hash, cardinality, static_cast<std::uint32_t>(rows), largest);
  if (bad < cardinality) {
    const auto id = static_cast<std::uint32_t>(bad);
    std::uint32_t row;
    hash.rows_of(&id, 1, &row);
    fail("INVALID_ARGUMENT", "Expected entries up to ", rows, " (rows, which stands for pruned) for ", where,
         ", received ", row, " for id ", id);
  }
  hash.prunes = largest == rows;
  return hash;
}

HashFunction make_hot_hash(std::uint64_t rows, const std::uint32_t* bitmap, std::size_t words, bool mixed_tail,
                           std::uint64_t seed, std::uint64_t cardinality, const std::string& where) {
  if (words != (cardinality + 31) / 32) {
    fail("INVALID_ARGUMENT", "Expected a bitmap of ", (cardinality + 31) / 32, " words for ", where, ", received ",
         words);
  }
  if (cardinality % 32 != 0 && bitmap[words - 1] >> (cardinality % 32) != 0) {
    fail("INVALID_ARGUMENT", "Expected hot ids below ", cardinality, " for ", where);
  }
  HashFunction hash;
  hash.kind = HashKind::kHot;
  hash.rows = rows;
  hash.seed = mix64(seed);
  hash.mixed_tail = mixed_tail;
  constexpr std::size_t line_words = kHotIdsPerLine / 32;  // of the bitmap
  const std::size_t lines = (words + line_words - 1) / line_words;
  hash.hot_lines = Memory(lines * kHotWordsPerLine * sizeof(std::uint64_t), "a bitmap of hot ids");
  auto* out = hash.hot_lines.as<std::uint64_t>();
  std::uint64_t rank = 0;
  for (std::size_t line = 0; line < lines; ++line, out += kHotWordsPerLine) {
    out[0] = rank;
    std::uint64_t before = 0;  // set bits of this line
    for (std::size_t word = 0; word < kHotWordsPerLine - 1; ++word) {
      if (word == 2 || word == 4 || word == 6) out[0] |= before << (32 + 9 * (word / 2 - 1));
      const std::size_t at = line * line_words + 2 * word;
      const std::uint64_t low = at < words ? bitmap[at] : 0, high = at + 1 < words ? bitmap[at + 1] : 0;
      out[1 + word] = high << 32 | low;
      before += static_cast<std::uint64_t>(std::popcount(out[1 + word]));
    }
    rank += before;
  }
  hash.hot_rows = rank;
  if (rank > rows || (rank == rows && rank < cardinality)) {
    fail("INVALID_ARGUMENT", "Expected fewer hot ids than rows (", rows, ") for ", where, ", received ", rank);
  }
  return hash;
}

}  // namespace collide
