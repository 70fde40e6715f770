// Hash functions (id -> row) as a device reads them: plain data with pointers, and the arithmetic of
// HashFunction::rows_of without a division. Host and device compile the same code, so a host test covers it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/hashing/hash_function.h"
#include "core/hashing/hot_ids.h"
#include "core/support/portable.h"

namespace collide::cuda {

struct DeviceHash {
  HashKind kind = HashKind::kIdentity;
  std::uint8_t bits_per_entry = 0;           // kTable
  bool prunes = false;                       // kTable
  bool mixed_tail = false;                   // kHot
  Division by_divisor;                       // kQuotient, kMixedRadix
  Division by_rows;                          // by the rows, for kHot by the rows of the tail
  std::uint32_t hot_rows = 0;                // kHot
  std::uint64_t seed = 0;                    // kMixed, kHot
  const std::uint32_t* entries = nullptr;    // kTable; readable in whole words to the one behind the last entry
  const std::uint64_t* hot_lines = nullptr;  // kHot
};

// The pointers are the caller's: copies of the function's arrays in the memory that rows_of_ids will run on.
inline DeviceHash device_hash(const HashFunction& function, const std::uint32_t* entries,
                              const std::uint64_t* hot_lines) {
  DeviceHash hash;
  hash.kind = function.kind;
  hash.bits_per_entry = static_cast<std::uint8_t>(function.bits_per_entry);
  hash.prunes = function.prunes;
  hash.mixed_tail = function.mixed_tail;
  hash.by_divisor = Division(static_cast<std::uint32_t>(std::min(function.divisor, kMostRows)));
  const std::uint64_t hashed = function.rows - function.hot_rows;
  hash.by_rows = Division(static_cast<std::uint32_t>(std::max<std::uint64_t>(1, hashed)));  // 0: every id is hot
  hash.hot_rows = static_cast<std::uint32_t>(function.hot_rows);
  hash.seed = function.seed;
  hash.entries = entries;
  hash.hot_lines = hot_lines;
  return hash;
}

// Of any number of bits: out of the aligned words that hold its first and its last bit.
COLLIDE_HD std::uint32_t packed_entry(const DeviceHash& hash, std::uint32_t id) {
  const std::uint64_t at = std::uint64_t{id} * hash.bits_per_entry;
  const std::uint32_t* word = hash.entries + at / 32;
  const std::uint64_t low = load(word), high = load(word + 1);
  return static_cast<std::uint32_t>((high << 32 | low) >> (at % 32)) & (0xffffffff >> (32 - hash.bits_per_entry));
}

COLLIDE_HD std::uint32_t row_of_hot(const DeviceHash& hash, std::uint32_t id) {
  const std::uint32_t rows = hash.by_rows.divisor;
  const std::uint32_t tail = hash.mixed_tail ? mixed_row(id, hash.seed, rows) : hash.by_rows.remainder(id);
  return hot_row(hash.hot_lines, id, hash.hot_rows + tail);
}

// rows[k] = row of ids[k], or kPruned. One branch for all kIds, so that their reads of a mapping are in flight
// together.
template <int kIds>
COLLIDE_HD void rows_of_ids(const DeviceHash& hash, const std::uint32_t (&ids)[kIds], std::uint32_t (&rows)[kIds]) {
  switch (hash.kind) {
    case HashKind::kIdentity:
      for (int k = 0; k < kIds; ++k) rows[k] = ids[k];
      return;
    case HashKind::kModulo:
      for (int k = 0; k < kIds; ++k) rows[k] = hash.by_rows.remainder(ids[k]);
      return;
    case HashKind::kMixed:
      for (int k = 0; k < kIds; ++k) rows[k] = mixed_row(ids[k], hash.seed, hash.by_rows.divisor);
      return;
    case HashKind::kQuotient:
      for (int k = 0; k < kIds; ++k) rows[k] = hash.by_divisor.quotient(ids[k]);
      return;
    case HashKind::kMixedRadix:
      for (int k = 0; k < kIds; ++k) rows[k] = hash.by_rows.remainder(hash.by_divisor.quotient(ids[k]));
      return;
    case HashKind::kTable:
      if (hash.bits_per_entry == 8) {
        for (int k = 0; k < kIds; ++k) rows[k] = load(reinterpret_cast<const std::uint8_t*>(hash.entries) + ids[k]);
      } else if (hash.bits_per_entry == 16) {
        for (int k = 0; k < kIds; ++k) rows[k] = load(reinterpret_cast<const std::uint16_t*>(hash.entries) + ids[k]);
      } else if (hash.bits_per_entry == 32) {
        for (int k = 0; k < kIds; ++k) rows[k] = load(hash.entries + ids[k]);
      } else {
        for (int k = 0; k < kIds; ++k) rows[k] = packed_entry(hash, ids[k]);
      }
      if (!hash.prunes) return;
      for (int k = 0; k < kIds; ++k) rows[k] = rows[k] == hash.by_rows.divisor ? kPruned : rows[k];
      return;
    case HashKind::kHot:
      for (int k = 0; k < kIds; ++k) rows[k] = row_of_hot(hash, ids[k]);
      return;
  }
}

}  // namespace collide::cuda
