#include "core/hash_function.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/portable.h"

namespace collide {

namespace {

// Ids that a prefetched mapping entry is ahead of its use.
constexpr std::size_t kAhead = 48;

template <unsigned kBytes>
void table_rows(const std::uint8_t* entries, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) {
  constexpr std::uint32_t mask = kBytes == 4 ? ~0u : (1u << (8 * kBytes % 32)) - 1;
  for (std::size_t i = 0; i < n; ++i) {
    if (i + kAhead < n) __builtin_prefetch(entries + std::size_t{ids[i + kAhead]} * kBytes);
    std::uint32_t word;
    std::memcpy(&word, entries + std::size_t{ids[i]} * kBytes, sizeof(word));
    out[i] = word & mask;
  }
}

void hot_rows_of(const HashFunction& hash, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) {
  const auto* bitmap = hash.bitmap.as<std::uint32_t>();
  const auto* ranks = hash.ranks.as<std::uint32_t>();
  const std::uint64_t tail = hash.rows - hash.hot_rows;
  const std::uint64_t multiplier = division_multiplier(std::max<std::uint64_t>(1, tail));  // 0: every id is hot
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t id = ids[i], word = id / 32, bit = id % 32;
    if (bitmap[word] >> bit & 1) {
      std::uint32_t rank = ranks[id / 512] + std::popcount(bitmap[word] & ((1u << bit) - 1));
      for (std::uint32_t w = id / 512 * 16; w < word; ++w) rank += std::popcount(bitmap[w]);
      out[i] = rank;
    } else {
      const std::uint64_t row = hash.mixed_tail ? mixed_row(id, hash.seed, tail) : fast_remainder(id, multiplier, tail);
      out[i] = static_cast<std::uint32_t>(hash.hot_rows + row);
    }
  }
}

}  // namespace

void HashFunction::rows_of(const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const {
  switch (kind) {
    case HashKind::kIdentity:
      std::memcpy(out, ids, n * sizeof(*out));
      return;
    case HashKind::kModulo: {
      const std::uint64_t multiplier = division_multiplier(rows);
      for (std::size_t i = 0; i < n; ++i) out[i] = fast_remainder(ids[i], multiplier, rows);
      return;
    }
    case HashKind::kMixed:
      for (std::size_t i = 0; i < n; ++i) out[i] = mixed_row(ids[i], seed, rows);
      return;
    case HashKind::kQuotient:
      for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint32_t>(ids[i] / divisor);
      return;
    case HashKind::kTable: {
      const auto* packed = entries.as<std::uint8_t>();
      if (bytes_per_entry == 1) return table_rows<1>(packed, ids, n, out);
      if (bytes_per_entry == 2) return table_rows<2>(packed, ids, n, out);
      if (bytes_per_entry == 3) return table_rows<3>(packed, ids, n, out);
      return table_rows<4>(packed, ids, n, out);
    }
    case HashKind::kHot:
      return hot_rows_of(*this, ids, n, out);
  }
}

std::size_t HashFunction::mapping_bytes() const {
  if (kind == HashKind::kTable) return entries.bytes() - 3;  // without the padding
  return bitmap.bytes() + ranks.bytes();
}

HashFunction make_table_hash(std::uint64_t rows, unsigned bytes_per_entry, const std::uint8_t* entries,
                             std::size_t bytes, std::uint64_t cardinality, const std::string& where) {
  if (bytes_per_entry < 1 || bytes_per_entry > 4 || bytes != cardinality * bytes_per_entry) {
    fail("INVALID_ARGUMENT", "Expected ", cardinality, " packed entries for ", where, ", received ", bytes, " bytes");
  }
  HashFunction hash;
  hash.kind = HashKind::kTable;
  hash.rows = rows;
  hash.bytes_per_entry = bytes_per_entry;
  hash.entries = Memory(bytes + 3, "a mapping");
  std::memcpy(hash.entries.as<std::uint8_t>(), entries, bytes);
  for (std::uint64_t id = 0; id < cardinality; ++id) {
    std::uint32_t row = 0;
    std::memcpy(&row, entries + id * bytes_per_entry, bytes_per_entry);
    if (row >= rows) {
      fail("INVALID_ARGUMENT", "Expected entries below ", rows, " (rows) for ", where, ", received ", row, " for id ",
           id);
    }
  }
  return hash;
}

HashFunction make_hot_hash(std::uint64_t rows, const std::uint32_t* bitmap, std::size_t words, bool mixed_tail,
                           std::uint64_t seed, std::uint64_t cardinality, const std::string& where) {
  if (words != (cardinality + 31) / 32) {
    fail("INVALID_ARGUMENT", "Expected a bitmap of ", (cardinality + 31) / 32, " words for ", where, ", received ",
         words);
  }
  HashFunction hash;
  hash.kind = HashKind::kHot;
  hash.rows = rows;
  hash.seed = mix64(seed);
  hash.mixed_tail = mixed_tail;
  hash.bitmap = Memory(words * 4, "a bitmap of hot ids");
  hash.ranks = Memory((words + 15) / 16 * 4, "the ranks of hot ids");
  std::memcpy(hash.bitmap.as<std::uint32_t>(), bitmap, words * 4);
  std::uint64_t rank = 0;
  for (std::size_t w = 0; w < words; ++w) {
    if (w % 16 == 0) hash.ranks.as<std::uint32_t>()[w / 16] = static_cast<std::uint32_t>(rank);
    std::uint32_t valid = ~0u;
    if (w + 1 == words && cardinality % 32 != 0) valid = (1u << (cardinality % 32)) - 1;
    if (bitmap[w] & ~valid) fail("INVALID_ARGUMENT", "Expected hot ids below ", cardinality, " for ", where);
    rank += std::popcount(bitmap[w]);
  }
  hash.hot_rows = rank;
  if (rank > rows || (rank == rows && rank < cardinality)) {
    fail("INVALID_ARGUMENT", "Expected fewer hot ids than rows (", rows, ") for ", where, ", received ", rank);
  }
  return hash;
}

}  // namespace collide
