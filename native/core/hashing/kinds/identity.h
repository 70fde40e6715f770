// row = id: every id its own row, the uncompressed table.
#pragma once

#include "core/hashing/hash_kind.h"

namespace collide {

class IdentityHash {
 public:
  static constexpr const char* kName = "identity";
  static Made<IdentityHash> read(const HashParts& parts) { return {IdentityHash(parts.rows)}; }

  IdentityHash() = default;
  explicit IdentityHash(std::uint64_t rows) : rows_(rows) {}
  std::uint64_t rows() const { return rows_; }
  const char* misfit(std::uint64_t cardinality) const {
    return rows_ == cardinality ? nullptr : "identity rows equal to the cardinality";
  }

  COLLIDE_HD std::uint32_t row(std::uint32_t id) const { return id; }

 private:
  std::uint64_t rows_ = 0;
};

}  // namespace collide
