// Eight float16 (IEEE binary16) or bfloat16 values to and from floats, as integer and float arithmetic on whole
// vectors, so that every instruction set gives the same bits. Decoding is exact; float16's subnormal values pass
// through no subnormal floats, which some processors take hundreds of cycles for. What is not finite stays not finite:
// a diverged table must not look healthy. Assumes a little-endian machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/support/multiversion.h"
#include "core/support/random.h"
#include "cpu/support/float8.h"

namespace collide {

typedef std::uint32_t Bits8 __attribute__((vector_size(32)));
typedef std::int32_t Int8 __attribute__((vector_size(32)));
typedef std::uint16_t Half8 __attribute__((vector_size(16)));

// All ones in the lanes where a < b. For a and b below 2^31. The sign of a difference, because g++ 12 compares lane by
// lane without AVX2.
COLLIDE_INLINE Bits8 below(const Bits8& a, std::uint32_t b) {
  return reinterpret_cast<Bits8>(reinterpret_cast<Int8>(a - b) >> 31);
}

COLLIDE_INLINE Bits8 select(const Bits8& mask, const Bits8& a, const Bits8& b) {
  return (a & mask) | (b & ~mask);
}

// min(a, b) for a and b below 2^31.
COLLIDE_INLINE Bits8 at_most(const Bits8& a, std::uint32_t b) {
  return a - ((a - b) & ~below(a, b));
}

// Sign-extends, by a loop that becomes one instruction.
COLLIDE_INLINE Bits8 load_halves(const std::uint8_t* from) {
  typedef std::int16_t Unaligned __attribute__((aligned(1), may_alias));
  const auto* halves = reinterpret_cast<const Unaligned*>(from);
  Int8 wide;
  for (int i = 0; i < 8; ++i) wide[i] = halves[i];
  return reinterpret_cast<Bits8>(wide);
}

// The lower halves of the lanes.
COLLIDE_INLINE void store_halves(std::uint8_t* to, const Bits8& value) {
  typedef std::uint16_t Unaligned __attribute__((vector_size(16), aligned(1), may_alias));
  *reinterpret_cast<Unaligned*>(to) = __builtin_convertvector(value, Half8);
}

COLLIDE_INLINE Float8 from_float16(const Bits8& halves) {
  // As a float whose exponent is 112 too large; the product makes up for it, and keeps infinities and NaNs. A subnormal
  // value was read as 2^-15 (1 + f) where 2^-14 f is meant: adding its difference from 2^-14 corrects it.
  const Bits8 magnitude = (halves << 13) & 0x0fffe000u;
  const Float8 value = reinterpret_cast<Float8>(magnitude + (224u << 23)) * 0x1p-112f;
  const Bits8 excess = reinterpret_cast<Bits8>(value - 0x1p-14f);
  const Bits8 negative = reinterpret_cast<Bits8>(reinterpret_cast<Int8>(excess) >> 31);
  const Float8 exact = value + reinterpret_cast<Float8>(excess & negative);
  return reinterpret_cast<Float8>(reinterpret_cast<Bits8>(exact) | (halves & 0x80000000u));
}

COLLIDE_INLINE Float8 from_bfloat16(const Bits8& halves) {
  return reinterpret_cast<Float8>(halves << 16);
}

constexpr std::uint32_t kSmallestNormal16 = 113u << 23;  // 2^-14, float16's smallest normal value, as a float
constexpr std::uint32_t kInfinity32 = 255u << 23;

// An infinity or NaN of that magnitude with `bits` bits of mantissa.
COLLIDE_INLINE Bits8 not_finite(const Bits8& magnitude, int bits) {
  const Bits8 quiet = ~below(magnitude, kInfinity32 + 1) & (1u << (bits - 1));
  return ((magnitude >> (23 - bits)) & ((1u << bits) - 1)) | quiet | (bits == 10 ? 0x7c00u : 0x7f80u);
}

COLLIDE_INLINE Bits8 sign16(const Bits8& bits) {
  return bits >> 31 << 15;
}

// Nearest, ties to even; beyond the largest finite value an infinity. A NaN stays a NaN, and becomes quiet.
COLLIDE_INLINE Bits8 to_float16(const Float8& value) {
  const Bits8 bits = reinterpret_cast<Bits8>(value), magnitude = bits & 0x7fffffffu;
  const Bits8 normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // The sum with 1/2 has subnormal float16's spacing, so that the addition rounds.
  const Bits8 small = reinterpret_cast<Bits8>(reinterpret_cast<Float8>(magnitude) + 0.5f) - (126u << 23);
  const Bits8 finite = select(below(magnitude, kSmallestNormal16), small, normal);
  const Bits8 rounded = at_most(finite, 0x7c00);
  return select(below(magnitude, kInfinity32), rounded, not_finite(magnitude, 10)) | sign16(bits);
}

COLLIDE_INLINE Bits8 to_bfloat16(const Float8& value) {
  const Bits8 bits = reinterpret_cast<Bits8>(value), magnitude = bits & 0x7fffffffu;
  const Bits8 finite = (magnitude + 0x7fffu + ((magnitude >> 16) & 1u)) >> 16;
  return select(below(magnitude, kInfinity32), finite, not_finite(magnitude, 7)) | sign16(bits);
}

// 32 random bits, the upper ones the better, for each of the columns column..column + 7. Column c has the murmur3 hash,
// without its last shift, of c added to the upper half of mix64(key): the same arithmetic for all lanes.
COLLIDE_INLINE Bits8 random_bits(std::uint64_t key, std::size_t column) {
  Bits8 x = Bits8{0, 1, 2, 3, 4, 5, 6, 7} + static_cast<std::uint32_t>((mix64(key) >> 32) + column);
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  return (x ^ (x >> 13)) * 0xc2b2ae35u;
}

// One of the two neighbours, the nearer one more likely, so that the expected value is `value` itself: the bits that a
// float has more are cut off after as many random bits have been added. (A value below 2^-14, where float16's spacing
// stays 2^-24, is first rounded to 2^-37.) A finite value beyond the largest finite one becomes that, any other a NaN.
COLLIDE_INLINE Bits8 to_float16_stochastic(const Float8& value, const Bits8& random) {
  const Bits8 bits = reinterpret_cast<Bits8>(value), magnitude = bits & 0x7fffffffu;
  const Bits8 finite = at_most(magnitude, 0x477fe000u);
  const Bits8 small = below(magnitude, kSmallestNormal16);
  // Moved up by 2^-14 a small value has float16's spacing in the same place of its bits as a normal one.
  const Float8 moved = reinterpret_cast<Float8>(finite) + reinterpret_cast<Float8>(small & kSmallestNormal16);
  const Bits8 exponent = reinterpret_cast<Bits8>(moved) + (small << 23) - (112u << 23);
  const Bits8 rounded = (exponent + (random >> 19)) >> 13;
  return rounded | (~below(magnitude, kInfinity32) & 0x7fffu) | sign16(bits);
}

COLLIDE_INLINE Bits8 to_bfloat16_stochastic(const Float8& value, const Bits8& random) {
  const Bits8 bits = reinterpret_cast<Bits8>(value), magnitude = bits & 0x7fffffffu;
  const Bits8 rounded = (at_most(magnitude, 0x7f7f0000u) + (random >> 16)) >> 16;
  return rounded | (~below(magnitude, kInfinity32) & 0x7fffu) | sign16(bits);
}

}  // namespace collide
