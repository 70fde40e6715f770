// Eight floats as the embedding kernels use them: one register with AVX2, two with SSE2, half of one with AVX-512. The
// same bits from all of them, because every lane rounds by itself and -ffp-contract=off keeps products and sums apart.
#pragma once

#include <cstddef>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/support/multiversion.h"

// Returning vectors by value has no stable ABI without AVX: here only inlined functions do, and their parameters are
// references because GCC's note about those cannot be silenced.
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace collide {

typedef float Float8 __attribute__((vector_size(32)));
typedef double Double4 __attribute__((vector_size(32)));
typedef float Float4 __attribute__((vector_size(16)));

COLLIDE_INLINE Float8 load8(const float* from) {
  typedef float Unaligned __attribute__((vector_size(32), aligned(4), may_alias));
  return *reinterpret_cast<const Unaligned*>(from);
}

COLLIDE_INLINE void store8(float* to, const Float8& value) {
  typedef float Unaligned __attribute__((vector_size(32), aligned(4), may_alias));
  *reinterpret_cast<Unaligned*>(to) = value;
}

// kCount floats, 1, 2, 4 or 8: the same for rows and tails of rows that are narrower.
template <int kCount>
struct LanesOf {
  typedef float Type __attribute__((vector_size(4 * kCount)));
};
template <int kCount>
using Lanes = typename LanesOf<kCount>::Type;

template <int kCount>
COLLIDE_INLINE Lanes<kCount> load_lanes(const float* from) {
  Lanes<kCount> value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}

template <int kCount>
COLLIDE_INLINE void store_lanes(float* to, const Lanes<kCount>& value) {
  __builtin_memcpy(to, &value, sizeof(value));
}

// Stores past the cache: for whole 64-byte lines that nobody reads soon. `to` is a multiple of 32 bytes.
COLLIDE_INLINE void stream8(float* to, const Float8& value) {
#ifdef __SSE2__
  _mm_stream_ps(to, __builtin_shufflevector(value, value, 0, 1, 2, 3));
  _mm_stream_ps(to + 4, __builtin_shufflevector(value, value, 4, 5, 6, 7));
#else
  store8(to, value);
#endif
}

// What was streamed before is seen by whoever sees what is written after.
inline void end_streaming() {
#ifdef __SSE2__
  _mm_sfence();
#endif
}

// Calls body.operator()<kBlock>(column) for all columns of a row: blocks of kMost, 8 to 64, then of each smaller power
// of two as the width has it. A block's sums fit the registers.
template <int kMost, typename Body>
COLLIDE_INLINE void for_each_block(std::size_t width, const Body& body) {
  std::size_t column = 0;
  for (; width - column >= kMost; column += kMost) body.template operator()<kMost>(column);
  if constexpr (kMost > 32) {
    if (width & 32) body.template operator()<32>(column), column += 32;
  }
  if constexpr (kMost > 16) {
    if (width & 16) body.template operator()<16>(column), column += 16;
  }
  if constexpr (kMost > 8) {
    if (width & 8) body.template operator()<8>(column), column += 8;
  }
  if (width & 4) body.template operator()<4>(column), column += 4;
  if (width & 2) body.template operator()<2>(column), column += 2;
  if (width & 1) body.template operator()<1>(column);
}

// The sum of the lanes in one fixed order.
COLLIDE_INLINE float sum8(const Float8& x) {
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

}  // namespace collide
