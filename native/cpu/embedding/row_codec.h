// Rows of every precision (core/embedding/precision.h) to and from floats, eight columns at a time.
//
// float32, float16 and bfloat16 hold each value by itself, rounded to nearest, ties to even. An int8 or int4 row holds
// codes 0..255 or 0..15 between its smallest and its largest value: bias is the smallest rounded down to a float16,
// scale the rest of the range over 255 or 15 rounded up, and codes are chosen with these two as they are stored. So the
// error of a value x is at most scale / 2 (1 + 2^-12) + 2^-23 |x|, and a constant row that a float16 can hold is exact
// with scale 0. A row's bits depend on its values alone. Cost: a few vector instructions per eight columns; a float32
// row is read as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/embedding/precision.h"
#include "cpu/embedding/half8.h"
#include "cpu/support/float8.h"

namespace collide {

// n <= 8 floats; the other lanes are 0. By lanes, not through a padded copy: its load would wait for its stores.
COLLIDE_INLINE Float8 load_floats(const float* from, std::size_t n) {
  if (n == 8) return load8(from);
  Float8 value = {};
  for (std::size_t i = 0; i < 7; ++i) {
    if (i < n) value[i] = from[i];
  }
  return value;
}

COLLIDE_INLINE void store_floats(float* to, const Float8& value, std::size_t n) {
  if (n == 8) return store8(to, value);
  for (std::size_t i = 0; i < 7; ++i) {
    if (i < n) to[i] = value[i];
  }
}

// At most kMost bytes, a power of 2, without a call.
template <std::size_t kMost>
COLLIDE_INLINE void copy_few(std::uint8_t* to, const std::uint8_t* from, std::size_t bytes) {
  for (std::size_t piece = kMost; piece > 0; piece /= 2) {
    if ((bytes & piece) == 0) continue;
    std::memcpy(to, from, piece);
    to += piece, from += piece;
  }
}

// Bytes of eight columns.
template <Precision kPrecision>
inline constexpr std::size_t kBlockBytes = kPrecision == Precision::kFloat32 ? 32
                                           : kPrecision == Precision::kInt8  ? 8
                                           : kPrecision == Precision::kInt4  ? 4
                                                                             : 16;
template <Precision kPrecision>
inline constexpr bool kHasScale = kPrecision == Precision::kInt8 || kPrecision == Precision::kInt4;

// Where column `column` of a row begins, a multiple of 8.
template <Precision kPrecision, typename Byte>
COLLIDE_INLINE Byte* columns_at(Byte* row, std::size_t column) {
  return row + (kHasScale<kPrecision> ? kRowHeader : 0) + column / 8 * kBlockBytes<kPrecision>;
}

// Eight columns as stored, from the first one's byte: values, or codes without scale and bias.
template <Precision kPrecision>
COLLIDE_INLINE Float8 load_columns(const std::uint8_t* from) {
  if constexpr (kPrecision == Precision::kFloat32) {
    return load8(reinterpret_cast<const float*>(from));
  } else if constexpr (kPrecision == Precision::kFloat16) {
    return from_float16(load_halves(from));
  } else if constexpr (kPrecision == Precision::kBfloat16) {
    return from_bfloat16(load_halves(from));
  } else if constexpr (kPrecision == Precision::kInt8) {
    Int8 codes;
    for (int i = 0; i < 8; ++i) codes[i] = from[i];
    return __builtin_convertvector(codes, Float8);
  } else {
    std::uint32_t word;
    std::memcpy(&word, from, sizeof(word));
    const Bits8 codes = ((Bits8{} + word) >> Bits8{0, 4, 8, 12, 16, 20, 24, 28}) & 15u;
    return __builtin_convertvector(reinterpret_cast<Int8>(codes), Float8);
  }
}

// value = bias + scale * code
template <Precision kPrecision>
COLLIDE_INLINE Float8 scaled(const std::uint8_t* row, const Float8& codes) {
  if constexpr (!kHasScale<kPrecision>) {
    return codes;
  } else {
    std::uint32_t header;  // scale below, bias above
    std::memcpy(&header, row, sizeof(header));
    const Bits8 halves = {header << 16, header};
    const Float8 both = from_float16(halves >> 16 | (halves & 0x80000000u));
    return both[1] + both[0] * codes;
  }
}

// Columns column..column + 7, all in the row; column is a multiple of 8.
template <Precision kPrecision>
COLLIDE_INLINE Float8 decode8(const std::uint8_t* row, std::size_t column) {
  return scaled<kPrecision>(row, load_columns<kPrecision>(columns_at<kPrecision>(row, column)));
}

// Columns column..column + n - 1, n < 8; the lanes after them are something finite.
template <Precision kPrecision>
COLLIDE_INLINE Float8 decode_part8(const std::uint8_t* row, std::size_t column, std::size_t n) {
  const std::uint8_t* from = columns_at<kPrecision>(row, column);
  if constexpr (kPrecision == Precision::kFloat32) {
    return load_floats(reinterpret_cast<const float*>(from), n);
  } else {
    std::uint8_t padded[kBlockBytes<kPrecision>] = {};
    copy_few<kBlockBytes<kPrecision>>(padded, from, (n * kBlockBytes<kPrecision> + 7) / 8);
    return scaled<kPrecision>(row, load_columns<kPrecision>(padded));
  }
}

template <Precision kPrecision>
COLLIDE_INLINE void decode_tail(const std::uint8_t* row, std::size_t column, std::size_t n, float* out) {
  store_floats(out, decode_part8<kPrecision>(row, column, n), n);
}

// Eight columns to the first one's byte, of a trainable row.
template <Precision kPrecision>
COLLIDE_INLINE void store_columns(std::uint8_t* to, std::size_t column, const Float8& value, std::uint64_t random_key) {
  static_assert(trainable(kPrecision));
  if constexpr (kPrecision == Precision::kFloat32) {
    store8(reinterpret_cast<float*>(to), value);
  } else if constexpr (kPrecision == Precision::kFloat16) {
    store_halves(to, to_float16_stochastic(value, random_bits(random_key, column)));
  } else {
    store_halves(to, to_bfloat16_stochastic(value, random_bits(random_key, column)));
  }
}

// Columns column..column + 7 of a trainable row. float16 and bfloat16 round stochastically (cpu/embedding/half8.h), by
// random bits that are a function of random_key and the column; float32 rows ignore the key.
template <Precision kPrecision>
COLLIDE_INLINE void encode8_stochastic(std::uint8_t* row, std::size_t column, const Float8& value,
                                       std::uint64_t random_key) {
  store_columns<kPrecision>(columns_at<kPrecision>(row, column), column, value, random_key);
}

// The same for columns column..column + n - 1, n < 8.
template <Precision kPrecision>
COLLIDE_INLINE void encode_part8_stochastic(std::uint8_t* row, std::size_t column, std::size_t n, const Float8& value,
                                            std::uint64_t random_key) {
  std::uint8_t* to = columns_at<kPrecision>(row, column);
  if constexpr (kPrecision == Precision::kFloat32) {
    store_floats(reinterpret_cast<float*>(to), value, n);
  } else {
    std::uint8_t padded[kBlockBytes<kPrecision>];
    store_columns<kPrecision>(padded, column, value, random_key);
    copy_few<kBlockBytes<kPrecision>>(to, padded, n * kBlockBytes<kPrecision> / 8);
  }
}

// Whole rows, one after the other: values and out are [count, width]. Single thread.
void decode_rows(Precision precision, const std::uint8_t* rows, std::size_t count, std::size_t width, float* out);
void encode_rows(Precision precision, const float* values, std::size_t count, std::size_t width, std::uint8_t* rows);

// The position in values[count * width] of the first value that such rows cannot hold, or count * width when they can
// hold all: in float16 and bfloat16 a finite value that would round to an infinity; in int8 and int4 one that is not
// finite, one below -65504, and the largest of a row whose scale would not be finite. encode_rows makes of a value so
// named an infinity, or of its whole int8 or int4 row NaNs.
std::size_t first_unrepresentable(Precision precision, const float* values, std::size_t count, std::size_t width);

}  // namespace collide
