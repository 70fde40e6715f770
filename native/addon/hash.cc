#include "addon/hash.h"

#include "addon/addon.h"

namespace collide::addon {

HashFunction read_hash(const Napi::Object& object, std::uint64_t cardinality, const std::string& where) {
  const std::string kind = text(object, "kind");
  const auto rows = static_cast<std::uint64_t>(number(object, "rows"));
  const auto seed = [&] {
    bool lossless = true;
    return object.Get("seed").As<Napi::BigInt>().Uint64Value(&lossless);
  };
  if (kind == "table") {
    const auto entries = view<std::uint8_t>(object.Get("entries"), "the entries of a mapping");
    return make_table_hash(rows, static_cast<unsigned>(integer(object, "bitsPerEntry")), entries.data, entries.length,
                           cardinality, where);
  }
  if (kind == "hot") {
    const auto bitmap = view<std::uint32_t>(object.Get("bitmap"), "the bitmap of hot ids");
    const bool mixed = text(object, "tail") == "mixed";
    return make_hot_hash(rows, bitmap.data, bitmap.length, mixed, mixed ? seed() : 0, cardinality, where);
  }
  HashFunction hash;
  hash.rows = rows;
  if (kind == "identity") {
    hash.kind = HashKind::kIdentity;
  } else if (kind == "modulo") {
    hash.kind = HashKind::kModulo;
  } else if (kind == "mixed") {
    hash.kind = HashKind::kMixed;
    hash.seed = mix64(seed());
  } else if (kind == "quotient" || kind == "mixed-radix") {
    hash.kind = kind == "quotient" ? HashKind::kQuotient : HashKind::kMixedRadix;
    const double divisor = number(object, "divisor");
    if (!(divisor >= 1))
      fail("INVALID_ARGUMENT", "Expected a divisor of at least 1 for ", where, ", received ", divisor);
    hash.divisor = static_cast<std::uint64_t>(divisor);
  } else {
    fail("INVALID_ARGUMENT", "Expected a known kind of hash function for ", where, ", received \"", kind, "\"");
  }
  return hash;
}

}  // namespace collide::addon
