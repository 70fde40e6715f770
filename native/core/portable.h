// Arithmetic and loads that the CPU and the CUDA engine share: one definition compiled by g++ and by nvcc, so that both
// give the same bits and the device code can be tested on a machine without a device.
#pragma once

#include <bit>
#include <cstdint>

#ifdef __CUDACC__
#define COLLIDE_HD __host__ __device__ __forceinline__
#else
#define COLLIDE_HD inline
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

COLLIDE_HD std::uint32_t count_ones(std::uint32_t word) {
#ifdef __CUDA_ARCH__
  return static_cast<std::uint32_t>(__popc(word));
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

// Remainder and quotient of 32-bit numbers by a divisor d from 1 to 2^32 without a division: the multiplier
// m = floor((2^64 - 1) / d) + 1 (which is 0 for d = 1) makes both exact (Lemire, Kaser, Kurz 2019). The quotient needs
// d >= 2.
COLLIDE_HD std::uint64_t division_multiplier(std::uint64_t d) {
  return ~std::uint64_t{0} / d + 1;
}
COLLIDE_HD std::uint32_t fast_remainder(std::uint32_t a, std::uint64_t multiplier, std::uint64_t d) {
  return static_cast<std::uint32_t>(high64(multiplier * a, d));
}
COLLIDE_HD std::uint32_t fast_quotient(std::uint32_t a, std::uint64_t multiplier) {
  return static_cast<std::uint32_t>(high64(multiplier, a));
}

}  // namespace collide
