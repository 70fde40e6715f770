// row = id / divisor % rows: one digit of the id.
#pragma once

#include "core/hashing/hash_kind.h"
#include "core/hashing/kinds/quotient.h"

namespace collide {

class MixedRadixHash {
 public:
  static constexpr const char* kName = "mixed-radix";
  static Made<MixedRadixHash> read(const HashParts& parts) { return {MixedRadixHash(parts.rows, read_divisor(parts))}; }

  MixedRadixHash() = default;
  MixedRadixHash(std::uint64_t rows, std::uint64_t divisor)
      : by_divisor_(within_32_bits(divisor)), by_rows_(within_32_bits(rows)) {}
  std::uint64_t rows() const { return by_rows_.divisor; }

  COLLIDE_HD std::uint32_t row(std::uint32_t id) const { return by_rows_.remainder(by_divisor_.quotient(id)); }

 private:
  Division by_divisor_, by_rows_;
};

}  // namespace collide
