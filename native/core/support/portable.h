// Arithmetic and loads that the CPU and the CUDA engine share: one definition compiled by g++ and by nvcc, so that both
// give the same bits and the device code can be tested on a machine without a device.
#pragma once

#include <bit>
#include <cstdint>

#include "core/support/multiversion.h"

#ifdef __CUDACC__
#define COLLIDE_HD __host__ __device__ __forceinline__
#define COLLIDE_HD_INLINE COLLIDE_HD
#else
#define COLLIDE_HD inline
#define COLLIDE_HD_INLINE COLLIDE_INLINE  // also for what every version of a COLLIDE_MULTIVERSION function vectorises
#endif
// Before a loop that would take too many registers on a device if it were unrolled.
#ifdef __CUDA_ARCH__
#define COLLIDE_ROLLED _Pragma("unroll 1")
#else
#define COLLIDE_ROLLED
#endif

namespace collide {

// The upper 64 bits of the 128-bit product.
COLLIDE_HD std::uint64_t high64(std::uint64_t a, std::uint64_t b) {
#ifdef __CUDA_ARCH__
  return __umul64hi(a, b);
#else
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(a) * b) >> 64);
#endif
}

COLLIDE_HD std::uint32_t count_ones(std::uint64_t word) {
#ifdef __CUDA_ARCH__
  return static_cast<std::uint32_t>(__popcll(word));
#else
  return static_cast<std::uint32_t>(std::popcount(word));
#endif
}

// A read of memory that nobody writes meanwhile: on a device it goes through the read-only cache (ld.global.nc).
template <typename T>
COLLIDE_HD T load(const T* address) {
#ifdef __CUDA_ARCH__
  return __ldg(address);
#else
  return *address;
#endif
}

// The upper 32 bits of the 64-bit product.
COLLIDE_HD std::uint32_t high32(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>((std::uint64_t{a} * b) >> 32);
}

// Division of 32-bit numbers by a divisor from 1 to 2^32 - 1 without a division: with l = ceil(log2 divisor) and
// multiplier = floor(2^32 (2^l - divisor) / divisor) + 1, both results are exact (Granlund and Montgomery 1994). Only
// 32-bit products and shifts, so that a loop of them is vectorised.
struct Division {
  std::uint32_t divisor = 1;
  std::uint32_t multiplier = 1;
  std::uint32_t first_shift = 0, second_shift = 0;

  Division() = default;
  explicit Division(std::uint32_t d) : divisor(d) {
    const unsigned bits = std::bit_width(d - 1);
    multiplier = static_cast<std::uint32_t>((((std::uint64_t{1} << bits) - d) << 32) / d + 1);
    first_shift = bits > 0 ? 1 : 0;
    second_shift = bits > 0 ? bits - 1 : 0;
  }
  COLLIDE_HD std::uint32_t quotient(std::uint32_t a) const {
    const std::uint32_t t = high32(multiplier, a);
    return (t + ((a - t) >> first_shift)) >> second_shift;
  }
  COLLIDE_HD std::uint32_t remainder(std::uint32_t a) const { return a - quotient(a) * divisor; }
};

}  // namespace collide
