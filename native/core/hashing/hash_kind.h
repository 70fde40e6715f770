// What a kind of hash function (id -> row) is to native code: plain data with the arithmetic of one id, which the loop
// of the CPU (rows_on_cpu.h) and the thread of a device share. One header a kind, kinds/NAME.h, and its place in
// kinds.h:
//
//   struct NameHash {
//     static constexpr const char* kName = "name";             // of lib/hashing/kinds
//     static Made<NameHash> read(const HashParts& parts);      // throws Error INVALID_ARGUMENT naming parts.where
//     std::uint64_t rows() const;                              // of the internal table: every row is below it
//     COLLIDE_HD std::uint32_t row(std::uint32_t id) const;    // of an id below the cardinality, or kPruned
//   };
//
// and where the kind needs them:
//
//     void read_from(const void* mapping);       // its arrays lie there: a copy of Made::mapping, here or on a device
//     static constexpr std::size_t kPadding;     // bytes of the mapping that are only there to be read over
//     const char* misfit(std::uint64_t cardinality) const;         // what is expected of it; null where it fits
//     template <typename Cpu> void rows_of(Cpu cpu, ids, n, out);  // a faster loop, of the parts of rows_on_cpu.h
//     template <int n> COLLIDE_HD void rows_at_once(ids, rows);    // a faster thread
//
// A kind is trivially copyable; it is compiled by g++ and by nvcc.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/support/memory.h"
#include "core/support/multiversion.h"
#include "core/support/portable.h"

namespace collide {

// Most ids of a feature and most rows of an internal table, so that no id and no row is kPruned.
inline constexpr std::uint64_t kMostRows = 0xffffffff;

// The row of an id that owns none: it counts as zeros and is never trained.
inline constexpr std::uint32_t kPruned = 0xffffffff;

// A number of rows or a divisor in 32 bits. Ids are below 2^32 - 1, so a larger divisor gives 0 as that one does.
inline std::uint32_t within_32_bits(std::uint64_t number) {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(number, 1, kMostRows));
}

// A hash function of a kind, and the memory that it reads.
template <typename Kind>
struct Made {
  Kind kind;
  Memory mapping = {};
};

template <typename T>
struct Elements {
  const T* data;
  std::size_t size;
};

// What a hash function is made of, by the keys of lib/hashing/kinds (nativeForm): valid during the call only. All throw
// Error INVALID_ARGUMENT for a part that is missing or of another type.
class HashParts {
 public:
  HashParts(std::uint64_t rows, std::uint64_t cardinality, const std::string& where)
      : rows(rows), cardinality(cardinality), where(where) {}
  virtual ~HashParts() = default;
  virtual double number(const char* key) const = 0;
  virtual std::uint64_t seed(const char* key) const = 0;
  virtual std::string word(const char* key) const = 0;
  virtual Elements<std::uint8_t> bytes(const char* key) const = 0;
  virtual Elements<std::uint32_t> words(const char* key) const = 0;

  const std::uint64_t rows, cardinality;
  const std::string where;  // names the hash function in a message
};

// rows[k] = row of ids[k]. One branch for all, so that their reads of a mapping are in flight together.
template <typename Kind, int kIds>
COLLIDE_HD void rows_at_once(const Kind& kind, const std::uint32_t (&ids)[kIds], std::uint32_t (&rows)[kIds]) {
  if constexpr (requires { kind.rows_at_once(ids, rows); }) {
    kind.rows_at_once(ids, rows);
  } else {
    for (int k = 0; k < kIds; ++k) rows[k] = kind.row(ids[k]);
  }
}

}  // namespace collide
