// Hash functions (id -> row), the same plain data on CPU and CUDA. "Learning to Collide": a learned hash is the kind
// kTable; the others are the baselines and building blocks it is compared and combined with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/support/memory.h"
#include "core/support/random.h"

namespace collide {

// Most ids of a feature and most rows of an internal table, so that no id and no row is kPruned.
inline constexpr std::uint64_t kMostRows = 0xffffffff;

// What rows_of gives for an id that owns no row: its row counts as zeros and is never trained.
inline constexpr std::uint32_t kPruned = 0xffffffff;

enum class HashKind : std::uint8_t {
  kIdentity,
  kModulo,      // id % rows
  kMixed,       // mixed_row(id, seed, rows)
  kQuotient,    // id / divisor
  kMixedRadix,  // id / divisor % rows
  kTable,       // entries[id], or kPruned
  kHot,         // ids that own a row: their rank; the others: hot_rows + a hash over the rows that are left
};

struct HashFunction {
  HashKind kind = HashKind::kIdentity;
  std::uint64_t rows = 0;       // rows of the internal table, 1 to kMostRows: every result but kPruned is below it
  std::uint64_t seed = 0;       // kMixed, kHot: mix64 of the user's seed
  std::uint64_t divisor = 1;    // kQuotient, kMixedRadix; at least 1
  unsigned bits_per_entry = 0;  // kTable: 1 to 32. An entry is a row, or `rows` for a pruned id
  bool prunes = false;          // kTable: some id is pruned. Otherwise rows_of never gives kPruned
  Memory entries;               // kTable: a little-endian stream of bits, entry of id 0 first; kEntryPadding bytes more
  Memory hot_lines;             // kHot: see core/hashing/hot_ids.h
  std::uint64_t hot_rows = 0;   // kHot: ids that own a row
  bool mixed_tail = false;      // kHot: the other ids are hashed as by kMixed (true) or kModulo (false)

  // out[i] = row of ids[i], for ids below the cardinality (the caller has checked). `out` does not overlap `ids`.
  void rows_of(const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const;

  HashFunction copy() const;

  // Bytes the function itself needs when serving.
  std::size_t mapping_bytes() const;
};

// Bytes behind the last entry, so that eight can be read from the first byte of any.
inline constexpr std::size_t kEntryPadding = 7;

// The functions below copy their input and check it against the cardinality; they throw Error INVALID_ARGUMENT.
// `entries` are ceil(cardinality * bits_per_entry / 8) bytes: a stream of bits as in HashFunction::entries, which for
// 8, 16, 24 and 32 bits is plain little-endian bytes. About 1 ns per id.
HashFunction make_table_hash(std::uint64_t rows, unsigned bits_per_entry, const std::uint8_t* entries,
                             std::size_t bytes, std::uint64_t cardinality, const std::string& where);
// `bitmap` has one bit per id, set for those that own a row.
HashFunction make_hot_hash(std::uint64_t rows, const std::uint32_t* bitmap, std::size_t words, bool mixed_tail,
                           std::uint64_t seed, std::uint64_t cardinality, const std::string& where);

// high64(mix64(id ^ mixed_seed) * rows): multiply-shift range reduction, no modulo, any number of rows up to 2^32. In
// halves, which fit 64 bits: a loop of them is vectorised.
COLLIDE_HD std::uint32_t mixed_row(std::uint64_t id, std::uint64_t mixed_seed, std::uint64_t rows) {
  const std::uint64_t mixed = mix64(id ^ mixed_seed);
  return static_cast<std::uint32_t>(((mixed >> 32) * rows + ((mixed & 0xffffffff) * rows >> 32)) >> 32);
}

}  // namespace collide
