#include "core/hashing/hash_function.h"

#include "core/hashing/rows_on_cpu.h"
#include "core/support/error.h"

namespace collide {

HashFunction HashFunction::read(const std::string& kind, const HashParts& parts) {
  if (parts.rows < 1 || parts.rows > kMostRows) {
    fail("INVALID_ARGUMENT", "Expected 1 to ", kMostRows, " rows for ", parts.where, ", received ", parts.rows);
  }
  return AnyHash::read<HashFunction>(kind, parts);
}

HashFunction HashFunction::copy() const {
  return HashFunction(rows, kind, mapping.copy("a mapping"));
}

const char* HashFunction::misfit(std::uint64_t cardinality) const {
  return kind.visit([&](const auto& function) -> const char* {
    if constexpr (requires { function.misfit(cardinality); }) return function.misfit(cardinality);
    return nullptr;
  });
}

void HashFunction::rows_of(const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const {
  kind.visit([&](const auto& function) { rows_on_cpu(function, mapping.bytes(), ids, n, out); });
}

std::size_t HashFunction::mapping_bytes() const {
  return kind.visit([&]<typename Kind>(const Kind&) -> std::size_t {
    if constexpr (requires { Kind::kPadding; }) return mapping.bytes() - Kind::kPadding;
    return mapping.bytes();
  });
}

}  // namespace collide
