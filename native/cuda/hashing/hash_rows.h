// What a thread does with hash functions (id -> row) of any kind, which a device reads as plain data. Host and device
// compile the same code, so a host test covers it.
#pragma once

#include <cstdint>

#include "core/hashing/kinds.h"
#include "core/support/portable.h"

namespace collide::cuda {

// rows[k] = row of ids[k], or kPruned. `hash` reads memory of the device: AnyKind::reading.
template <int kIds, std::uint32_t kKind = 0>
COLLIDE_HD void rows_of_ids(const AnyHash& hash, const std::uint32_t (&ids)[kIds], std::uint32_t (&rows)[kIds]) {
  if constexpr (kKind + 1 < AnyHash::kKinds) {
    if (hash.index() != kKind) return rows_of_ids<kIds, kKind + 1>(hash, ids, rows);
  }
  rows_at_once(hash.at<kKind>(), ids, rows);
}

}  // namespace collide::cuda
