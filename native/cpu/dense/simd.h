// Vectors of floats for the kernels of the dense net, and the choice of their width when the program runs: 64 bytes
// with AVX-512, 32 with AVX2, else 16 (SSE2, NEON). A kernel is a struct with a static always-inlined
// `run<kBytes>(...)`; dispatch<Kernel>(...) calls the widest that this processor has.
//
// Include this header LAST: it lets the compiler fuse a * b + c in the rest of the file. The build's -ffp-contract=off
// exists for results that must have the same bits on every machine (clustering, embeddings); the dense net promises the
// same bits for any number of threads only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/support/multiversion.h"

// Passing vectors by value has no stable ABI without AVX: here only inlined functions do, and their parameters are
// references because GCC's note about those cannot be silenced.
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#if defined(__clang__)
#pragma clang fp contract(fast)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=fast")
#endif

namespace collide {

// Bytes of the vectors to use: at first the widest this processor has. Writable so that tests can go through all
// kernels.
int& vector_bytes();

template <int kBytes>
struct Simd {
  static constexpr std::size_t kWidth = kBytes / sizeof(float);
  typedef float Vec __attribute__((vector_size(kBytes)));
  typedef float Aliased __attribute__((vector_size(kBytes), may_alias));
  typedef float Unaligned __attribute__((vector_size(kBytes), aligned(4), may_alias));
  typedef std::uint32_t Bits __attribute__((vector_size(kBytes)));

  static COLLIDE_INLINE Vec load(const float* aligned) { return *reinterpret_cast<const Aliased*>(aligned); }
  static COLLIDE_INLINE void store(float* aligned, const Vec& value) { *reinterpret_cast<Aliased*>(aligned) = value; }
  static COLLIDE_INLINE Vec load_unaligned(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
  static COLLIDE_INLINE void store_unaligned(float* to, const Vec& value) { *reinterpret_cast<Unaligned*>(to) = value; }

  // max(0, x), but a NaN stays a NaN: a diverged net must not look healthy.
  static COLLIDE_INLINE Vec relu(const Vec& x) { return x < Vec{} ? Vec{} : x; }
};

// Transposes a kWidth x kWidth block in registers, x[] being its rows.
template <int kBytes>
COLLIDE_INLINE void transpose_block(typename Simd<kBytes>::Vec (&x)[Simd<kBytes>::kWidth]) {
  if constexpr (kBytes == 16) {
    const auto a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5), b = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
    const auto c = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5), d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
    x[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    x[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    x[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    x[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
  } else {
    typename Simd<kBytes>::Vec a[8], b[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      a[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
      a[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      b[i] = __builtin_shufflevector(a[i], a[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      b[i + 1] = __builtin_shufflevector(a[i], a[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
      b[i + 2] = __builtin_shufflevector(a[i + 1], a[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
      b[i + 3] = __builtin_shufflevector(a[i + 1], a[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      x[i] = __builtin_shufflevector(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
      x[i + 4] = __builtin_shufflevector(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
  }
}

// to[r * to_pitch + f] = from[f * from_pitch + r] for 16 rows r and `features` (any number) features f.
template <int kBytes>
COLLIDE_INLINE void lanes_to_rows(const float* from, std::size_t from_pitch, std::size_t features, float* to,
                                  std::size_t to_pitch) {
  using S = Simd < kBytes<32 ? kBytes : 32>;
  std::size_t f = 0;
  for (; f + S::kWidth <= features; f += S::kWidth) {
    for (std::size_t r = 0; r < 16; r += S::kWidth) {
      typename S::Vec block[S::kWidth];
#pragma GCC unroll 8
      for (std::size_t i = 0; i < S::kWidth; ++i) block[i] = S::load_unaligned(from + (f + i) * from_pitch + r);
      transpose_block<sizeof(typename S::Vec)>(block);
#pragma GCC unroll 8
      for (std::size_t i = 0; i < S::kWidth; ++i) S::store_unaligned(to + (r + i) * to_pitch + f, block[i]);
    }
  }
  for (; f < features; ++f) {
    for (std::size_t r = 0; r < 16; ++r) to[r * to_pitch + f] = from[f * from_pitch + r];
  }
}

// The way back: to[f * to_pitch + r] = from[r * from_pitch + f]. Prefetches the 16 rows that follow.
template <int kBytes>
COLLIDE_INLINE void rows_to_lanes(const float* from, std::size_t from_pitch, std::size_t features, float* to,
                                  std::size_t to_pitch) {
  using S = Simd < kBytes<32 ? kBytes : 32>;
  const float* next = from + 16 * from_pitch;
  std::size_t f = 0;
  for (; f + S::kWidth <= features; f += S::kWidth) {
    for (std::size_t i = 0; i < S::kWidth; ++i, next += 16) __builtin_prefetch(next);
    for (std::size_t r = 0; r < 16; r += S::kWidth) {
      typename S::Vec block[S::kWidth];
#pragma GCC unroll 8
      for (std::size_t i = 0; i < S::kWidth; ++i) block[i] = S::load_unaligned(from + (r + i) * from_pitch + f);
      transpose_block<sizeof(typename S::Vec)>(block);
#pragma GCC unroll 8
      for (std::size_t i = 0; i < S::kWidth; ++i) S::store_unaligned(to + (f + i) * to_pitch + r, block[i]);
    }
  }
  for (; f < features; ++f) {
    for (std::size_t r = 0; r < 16; ++r) to[f * to_pitch + r] = from[r * from_pitch + f];
  }
}

// In a build for one instruction set (the sanitizers', other processors') the wider kernels compile too, to narrower
// instructions: slow, but the tests can go through them on any machine.
#if defined(__x86_64__) && !defined(COLLIDE_NO_MULTIVERSION)
#define COLLIDE_AVX2 __attribute__((target("avx2,fma")))
#define COLLIDE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#else
#define COLLIDE_AVX2
#define COLLIDE_AVX512
#endif

template <typename Kernel, typename... Arguments>
COLLIDE_AVX2 void run_avx2(const Arguments&... arguments) {
  Kernel::template run<32>(arguments...);
}
template <typename Kernel, typename... Arguments>
COLLIDE_AVX512 void run_avx512(const Arguments&... arguments) {
  Kernel::template run<64>(arguments...);
}

template <typename Kernel, typename... Arguments>
void dispatch(const Arguments&... arguments) {
  if (vector_bytes() >= 64) {
    run_avx512<Kernel>(arguments...);
  } else if (vector_bytes() >= 32) {
    run_avx2<Kernel>(arguments...);
  } else {
    Kernel::template run<16>(arguments...);
  }
}

}  // namespace collide
