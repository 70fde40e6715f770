// row = h(id; seed, rows) = high64(mix64(id ^ mix64(seed)) * rows): rows as if drawn by chance.
#pragma once

#include "core/hashing/hash_kind.h"
#include "core/support/random.h"

namespace collide {

// high64(mix64(id ^ mixed_seed) * rows): multiply-shift range reduction, no modulo, any number of rows up to 2^32. In
// halves, which fit 64 bits: a loop of them is vectorised.
COLLIDE_HD std::uint32_t mixed_row(std::uint64_t id, std::uint64_t mixed_seed, std::uint64_t rows) {
  const std::uint64_t mixed = mix64(id ^ mixed_seed);
  return static_cast<std::uint32_t>(((mixed >> 32) * rows + ((mixed & 0xffffffff) * rows >> 32)) >> 32);
}

class MixedHash {
 public:
  static constexpr const char* kName = "mixed";
  static Made<MixedHash> read(const HashParts& parts) { return {MixedHash(parts.rows, mix64(parts.seed("seed")))}; }

  MixedHash() = default;
  // `mixed_seed` is mix64 of the user's seed.
  MixedHash(std::uint64_t rows, std::uint64_t mixed_seed) : seed_(mixed_seed), rows_(within_32_bits(rows)) {}
  std::uint64_t rows() const { return rows_; }

  COLLIDE_HD std::uint32_t row(std::uint32_t id) const { return mixed_row(id, seed_, rows_); }

 private:
  std::uint64_t seed_ = 0;
  std::uint32_t rows_ = 1;
};

}  // namespace collide
