// Hash functions (id -> row) as a device reads them: plain data with pointers, and the arithmetic of
// HashFunction::rows_of without a division. Host and device compile the same code, so a host test covers it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/hash_function.h"
#include "core/portable.h"

namespace collide::cuda {

struct DeviceHash {
  HashKind kind = HashKind::kIdentity;
  std::uint8_t bytes_per_entry = 0;
  bool mixed_tail = false;
  std::uint64_t divisor = 1;     // rows (kModulo, kMixed), the quotient's divisor, or the rows of the tail (kHot)
  std::uint64_t multiplier = 0;  // division_multiplier(divisor)
  std::uint64_t seed = 0;
  std::uint64_t hot_rows = 0;
  const std::uint8_t* entries = nullptr;  // kTable; 4-byte aligned, readable to 3 bytes past the last entry
  const std::uint32_t* bitmap = nullptr;  // kHot
  const std::uint32_t* ranks = nullptr;   // kHot
};

// The pointers are the caller's: copies of the function's arrays in the memory that rows_of_ids will run on.
inline DeviceHash device_hash(const HashFunction& function, const std::uint8_t* entries, const std::uint32_t* bitmap,
                              const std::uint32_t* ranks) {
  DeviceHash hash;
  hash.kind = function.kind;
  hash.bytes_per_entry = static_cast<std::uint8_t>(function.bytes_per_entry);
  hash.mixed_tail = function.mixed_tail;
  hash.divisor = function.rows;
  if (function.kind == HashKind::kQuotient) {
    // Ids are below 2^32, so every larger divisor gives 0 as 2^32 does; the multiplier cannot say "divide by 1".
    hash.divisor = std::min(function.divisor, std::uint64_t{1} << 32);
    if (function.divisor == 1) hash.kind = HashKind::kIdentity;
  }
  if (function.kind == HashKind::kHot) hash.divisor = std::max<std::uint64_t>(1, function.rows - function.hot_rows);
  hash.multiplier = division_multiplier(hash.divisor);
  hash.seed = function.seed;
  hash.hot_rows = function.hot_rows;
  hash.entries = entries;
  hash.bitmap = bitmap;
  hash.ranks = ranks;
  return hash;
}

// Three bytes out of the aligned words that hold the first and the last of them.
COLLIDE_HD std::uint32_t three_byte_entry(const std::uint8_t* entries, std::uint32_t id) {
  const std::uint64_t at = std::uint64_t{id} * 3;
  const auto* words = reinterpret_cast<const std::uint32_t*>(entries);
  const std::uint64_t low = load(words + at / 4), high = load(words + (at + 2) / 4);
  return static_cast<std::uint32_t>((high << 32 | low) >> (8 * (at % 4))) & 0xffffff;
}

COLLIDE_HD std::uint32_t hot_row(const DeviceHash& hash, std::uint32_t id) {
  const std::uint32_t word = id / 32, bit = id % 32, bits = load(hash.bitmap + word);
  if (bits >> bit & 1) {
    std::uint32_t rank = load(hash.ranks + id / 512) + count_ones(bits & ((1u << bit) - 1));
    for (std::uint32_t w = id / 512 * 16; w < word; ++w) rank += count_ones(load(hash.bitmap + w));
    return rank;
  }
  const std::uint32_t row =
      hash.mixed_tail ? mixed_row(id, hash.seed, hash.divisor) : fast_remainder(id, hash.multiplier, hash.divisor);
  return static_cast<std::uint32_t>(hash.hot_rows + row);
}

// rows[k] = row of ids[k]. One branch for all kIds, so that their reads of a mapping are in flight together.
template <int kIds>
COLLIDE_HD void rows_of_ids(const DeviceHash& hash, const std::uint32_t (&ids)[kIds], std::uint32_t (&rows)[kIds]) {
  switch (hash.kind) {
    case HashKind::kIdentity:
      for (int k = 0; k < kIds; ++k) rows[k] = ids[k];
      return;
    case HashKind::kModulo:
      for (int k = 0; k < kIds; ++k) rows[k] = fast_remainder(ids[k], hash.multiplier, hash.divisor);
      return;
    case HashKind::kMixed:
      for (int k = 0; k < kIds; ++k) rows[k] = mixed_row(ids[k], hash.seed, hash.divisor);
      return;
    case HashKind::kQuotient:
      for (int k = 0; k < kIds; ++k) rows[k] = fast_quotient(ids[k], hash.multiplier);
      return;
    case HashKind::kTable:
      if (hash.bytes_per_entry == 1) {
        for (int k = 0; k < kIds; ++k) rows[k] = load(hash.entries + ids[k]);
      } else if (hash.bytes_per_entry == 2) {
        for (int k = 0; k < kIds; ++k) rows[k] = load(reinterpret_cast<const std::uint16_t*>(hash.entries) + ids[k]);
      } else if (hash.bytes_per_entry == 3) {
        for (int k = 0; k < kIds; ++k) rows[k] = three_byte_entry(hash.entries, ids[k]);
      } else {
        for (int k = 0; k < kIds; ++k) rows[k] = load(reinterpret_cast<const std::uint32_t*>(hash.entries) + ids[k]);
      }
      return;
    case HashKind::kHot:
      for (int k = 0; k < kIds; ++k) rows[k] = hot_row(hash, ids[k]);
      return;
  }
}

}  // namespace collide::cuda
