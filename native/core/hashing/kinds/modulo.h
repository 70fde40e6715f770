// row = id % rows: the hashing trick.
#pragma once

#include "core/hashing/hash_kind.h"

namespace collide {

class ModuloHash {
 public:
  static constexpr const char* kName = "modulo";
  static Made<ModuloHash> read(const HashParts& parts) { return {ModuloHash(parts.rows)}; }

  ModuloHash() = default;
  explicit ModuloHash(std::uint64_t rows) : by_rows_(within_32_bits(rows)) {}
  std::uint64_t rows() const { return by_rows_.divisor; }

  COLLIDE_HD std::uint32_t row(std::uint32_t id) const { return by_rows_.remainder(id); }

 private:
  Division by_rows_;
};

}  // namespace collide
