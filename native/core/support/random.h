// Counter-based random numbers (methods.md 0.2): the n-th number depends on (seed, n) alone, so any thread can make it.
#pragma once

#include <cstdint>

#include "core/support/portable.h"

namespace collide {

COLLIDE_HD std::uint64_t mix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// [0, 1) with 24 random bits: exact in float.
COLLIDE_HD float uniform01(std::uint64_t seed, std::uint64_t n) {
  return static_cast<float>(mix64(seed ^ mix64(n)) >> 40) * 0x1p-24f;
}

}  // namespace collide
