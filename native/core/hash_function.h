// Hash functions (id -> row), the same plain data on CPU and CUDA. "Learning to Collide": a learned hash is the kind
// kTable; the others are the baselines and building blocks it is compared and combined with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/memory.h"
#include "core/random.h"

namespace collide {

enum class HashKind : std::uint8_t { kIdentity, kModulo, kMixed, kQuotient, kTable, kHot };

struct HashFunction {
  HashKind kind = HashKind::kIdentity;
  std::uint64_t rows = 0;        // rows of the internal table: every result is below it
  std::uint64_t seed = 0;        // kMixed, kHot: mix64 of the user's seed
  std::uint64_t divisor = 1;     // kQuotient
  unsigned bytes_per_entry = 0;  // kTable: 1, 2, 3 or 4, little endian
  Memory entries;                // kTable: one entry per id, padded so that a 4-byte read of the last is in bounds
  Memory bitmap;                 // kHot: 32-bit words, one bit per id that owns a row
  Memory ranks;                  // kHot: u32 per 512 ids, set bits before them
  std::uint64_t hot_rows = 0;    // kHot: set bits in all
  bool mixed_tail = false;       // kHot: the other ids are hashed by kMixed (true) or kModulo (false)

  // out[i] = row of ids[i], for ids below the cardinality (the caller has checked).
  void rows_of(const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const;

  // Bytes the function itself needs when serving.
  std::size_t mapping_bytes() const;
};

// The functions below copy their input and check it against the cardinality; they throw Error INVALID_ARGUMENT.
HashFunction make_table_hash(std::uint64_t rows, unsigned bytes_per_entry, const std::uint8_t* entries,
                             std::size_t bytes, std::uint64_t cardinality, const std::string& where);
HashFunction make_hot_hash(std::uint64_t rows, const std::uint32_t* bitmap, std::size_t words, bool mixed_tail,
                           std::uint64_t seed, std::uint64_t cardinality, const std::string& where);

// high64(mix64(id ^ mixed_seed) * rows): multiply-shift range reduction, no modulo, any number of rows.
COLLIDE_HD std::uint32_t mixed_row(std::uint64_t id, std::uint64_t mixed_seed, std::uint64_t rows) {
  return static_cast<std::uint32_t>(high64(mix64(id ^ mixed_seed), rows));
}

}  // namespace collide
