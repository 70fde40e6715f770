// Eight floats side by side, for the kernels of the dense net. Include this header LAST: it lets the compiler fuse
// a * b + c in the rest of the file. The build's -ffp-contract=off exists for results that must have the same bits on
// every machine (clustering, embeddings); the dense net promises the same bits for any number of threads only.
// Vec is a GCC vector type: one AVX register in the AVX2 and AVX-512 versions of a kernel, two SSE registers otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/multiversion.h"

#if defined(__clang__)
#pragma clang fp contract(fast)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=fast", "no-math-errno")
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed between always-inlined functions only: no ABI is involved
#endif

namespace collide {

using Vec = float __attribute__((vector_size(32)));
using VecBits = std::uint32_t __attribute__((vector_size(32)));

inline constexpr std::size_t kVec = 8;

COLLIDE_INLINE Vec load(const float* aligned) {
  using Source = float __attribute__((vector_size(32), may_alias));
  return *reinterpret_cast<const Source*>(aligned);
}
COLLIDE_INLINE void store(float* aligned, Vec value) {
  using Target = float __attribute__((vector_size(32), may_alias));
  *reinterpret_cast<Target*>(aligned) = value;
}
COLLIDE_INLINE Vec load_unaligned(const float* from) {
  using Source = float __attribute__((vector_size(32), aligned(4), may_alias));
  return *reinterpret_cast<const Source*>(from);
}
COLLIDE_INLINE void store_unaligned(float* to, Vec value) {
  using Target = float __attribute__((vector_size(32), aligned(4), may_alias));
  *reinterpret_cast<Target*>(to) = value;
}

// max(0, x), but a NaN stays a NaN: a diverged net must not look healthy.
COLLIDE_INLINE Vec relu(Vec x) { return x < Vec{} ? Vec{} : x; }

// Transposes the 8x8 block whose rows are x[0..7], in registers.
COLLIDE_INLINE void transpose8(Vec (&x)[kVec]) {
  constexpr VecBits low32 = {0, 8, 1, 9, 4, 12, 5, 13}, high32 = {2, 10, 3, 11, 6, 14, 7, 15};
  constexpr VecBits low64 = {0, 1, 8, 9, 4, 5, 12, 13}, high64 = {2, 3, 10, 11, 6, 7, 14, 15};
  constexpr VecBits low128 = {0, 1, 2, 3, 8, 9, 10, 11}, high128 = {4, 5, 6, 7, 12, 13, 14, 15};
  Vec a[kVec], b[kVec];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = __builtin_shuffle(x[2 * i], x[2 * i + 1], low32);
    a[2 * i + 1] = __builtin_shuffle(x[2 * i], x[2 * i + 1], high32);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    b[4 * i] = __builtin_shuffle(a[4 * i], a[4 * i + 2], low64);
    b[4 * i + 1] = __builtin_shuffle(a[4 * i], a[4 * i + 2], high64);
    b[4 * i + 2] = __builtin_shuffle(a[4 * i + 1], a[4 * i + 3], low64);
    b[4 * i + 3] = __builtin_shuffle(a[4 * i + 1], a[4 * i + 3], high64);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    x[i] = __builtin_shuffle(b[i], b[i + 4], low128);
    x[i + 4] = __builtin_shuffle(b[i], b[i + 4], high128);
  }
}

// exp(x) for x <= 0, about 1 ulp; below -87 the result stays at exp(-87) = 1.6e-38. NaN gives NaN.
COLLIDE_INLINE Vec exp_negative(Vec x) {
  constexpr float round = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  x = x < -87.0f ? Vec{} - 87.0f : x;
  const Vec shifted = x * 1.44269504f + round;
  const Vec n = shifted - round;
  const Vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts: r is exact enough
  Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;            // the polynomial of Cephes' expf
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const VecBits exponent = (reinterpret_cast<VecBits>(shifted) + 127u) << 23;
  return p * reinterpret_cast<Vec>(exponent);
}

// log(1 + e) for e in [0, 1] as 2 artanh(e / (2 + e)): full relative precision down to tiny e.
COLLIDE_INLINE Vec log1p_unit(Vec e) {
  const Vec s = e / (e + 2.0f), q = s * s;
  Vec p = q * (1.0f / 15) + 1.0f / 13;
  p = p * q + 1.0f / 11;
  p = p * q + 1.0f / 9;
  p = p * q + 1.0f / 7;
  p = p * q + 1.0f / 5;
  p = p * q + 1.0f / 3;
  return s * 2.0f * (p * q + 1.0f);
}

}  // namespace collide
