// row = id / divisor, rounded down. With modulo of the same divisor it tells all ids apart.
#pragma once

#include "core/hashing/hash_kind.h"
#include "core/support/error.h"

namespace collide {

// A divisor of lib/hashing/kinds.
inline std::uint64_t read_divisor(const HashParts& parts) {
  const double divisor = parts.number("divisor");
  if (!(divisor >= 1)) {
    fail("INVALID_ARGUMENT", "Expected a divisor of at least 1 for ", parts.where, ", received ", divisor);
  }
  return divisor < 0x1p63 ? static_cast<std::uint64_t>(divisor) : kMostRows;
}

class QuotientHash {
 public:
  static constexpr const char* kName = "quotient";
  static Made<QuotientHash> read(const HashParts& parts) { return {QuotientHash(parts.rows, read_divisor(parts))}; }

  QuotientHash() = default;
  QuotientHash(std::uint64_t rows, std::uint64_t divisor) : by_divisor_(within_32_bits(divisor)), rows_(rows) {}
  std::uint64_t rows() const { return rows_; }
  const char* misfit(std::uint64_t cardinality) const {
    return (cardinality - 1) / by_divisor_.divisor < rows_ ? nullptr : "enough rows for the quotient";
  }

  COLLIDE_HD std::uint32_t row(std::uint32_t id) const { return by_divisor_.quotient(id); }

 private:
  Division by_divisor_;
  std::uint64_t rows_ = 1;
};

}  // namespace collide
