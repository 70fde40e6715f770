#include "cpu/embedding/row_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/support/multiversion.h"

namespace collide {

namespace {

template <Precision kPrecision>
constexpr float kLargestCode = kPrecision == Precision::kInt4 ? 15 : 255;

COLLIDE_INLINE float decode16(std::uint32_t half) {
  return from_float16(Bits8{} + (half | half << 16))[0];
}
COLLIDE_INLINE std::uint32_t encode16(float value) {
  return to_float16(Float8{} + value)[0];
}

// The largest float16 that is not above the value: the next one towards minus infinity where rounding went up.
COLLIDE_INLINE std::uint32_t float16_below(float value) {
  const std::uint32_t half = encode16(value);
  if (!(decode16(half) > value)) return half;
  return (half & 0x8000) != 0 ? half + 1 : half - 1;
}

// The smallest float16 that is not below a value >= 0.
COLLIDE_INLINE std::uint32_t float16_above(float value) {
  const std::uint32_t half = encode16(value);
  return decode16(half) < value ? half + 1 : half;
}

// An int8 or int4 row's scale and bias as stored, and as floats. Both are NaN if they cannot hold the row.
struct RowScale {
  float scale = std::numeric_limits<float>::quiet_NaN(), bias = scale;
  std::uint16_t header[2] = {0x7e00, 0x7e00};

  bool valid() const { return scale == scale; }
};

COLLIDE_INLINE RowScale row_scale(const float* values, std::size_t width, float largest_code) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Float8 least = Float8{} + kInfinity, most = Float8{} - kInfinity, finite = {};
  const std::size_t whole = width / 8 * 8;
  for (std::size_t column = 0; column < whole; column += 8) {
    const Float8 x = load8(values + column);
    least = x < least ? x : least;
    most = x > most ? x : most;
    finite += x * 0;  // 0, or NaN for good
  }
  float low = kInfinity, high = -kInfinity, check = sum8(finite);
  for (int lane = 0; lane < 8; ++lane) low = std::min(low, least[lane]), high = std::max(high, most[lane]);
  for (std::size_t column = whole; column < width; ++column) {
    low = std::min(low, values[column]), high = std::max(high, values[column]);
    check += values[column] * 0;
  }
  if (check != 0) return {};
  const std::uint32_t bias = float16_below(low);
  const std::uint32_t scale = float16_above((high - decode16(bias)) / largest_code);
  if (scale >= 0x7c00) return {};  // an infinite bias makes an infinite scale
  return {decode16(scale), decode16(bias), {static_cast<std::uint16_t>(scale), static_cast<std::uint16_t>(bias)}};
}

// Eight columns to the first one's byte.
template <Precision kPrecision>
COLLIDE_INLINE void encode_columns(std::uint8_t* to, const Float8& values, const RowScale& row) {
  if constexpr (kPrecision == Precision::kFloat16) {
    store_halves(to, to_float16(values));
  } else if constexpr (kPrecision == Precision::kBfloat16) {
    store_halves(to, to_bfloat16(values));
  } else {
    const float inverse = row.scale > 0 ? 1 / row.scale : 0;
    // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the lowest bits. It is never above the largest code,
    // because the scale was rounded up.
    const Bits8 codes = reinterpret_cast<Bits8>((values - row.bias) * inverse + 0x1.8p23f) & 0xffu;
    if constexpr (kPrecision == Precision::kInt8) {
      typedef std::uint8_t Byte8 __attribute__((vector_size(8)));
      const Byte8 bytes = __builtin_convertvector(__builtin_convertvector(codes, Half8), Byte8);
      std::memcpy(to, &bytes, sizeof(bytes));
    } else {
      std::uint32_t word = 0;
      for (int lane = 0; lane < 8; ++lane) word |= codes[lane] << 4 * lane;
      std::memcpy(to, &word, sizeof(word));
    }
  }
}

template <Precision kPrecision>
COLLIDE_INLINE void encode_all(const float* values, std::size_t count, std::size_t width, std::uint8_t* rows) {
  const std::size_t whole = width / 8 * 8, rest = width - whole;
  for (std::size_t i = 0; i < count; ++i, values += width, rows += row_bytes(kPrecision, width)) {
    RowScale row;
    if constexpr (kHasScale<kPrecision>) {
      row = row_scale(values, width, kLargestCode<kPrecision>);
      std::memcpy(rows, row.header, kRowHeader);
      if (!row.valid()) {
        std::memset(rows + kRowHeader, 0, row_bytes(kPrecision, width) - kRowHeader);
        continue;
      }
    }
    for (std::size_t column = 0; column < whole; column += 8) {
      encode_columns<kPrecision>(columns_at<kPrecision>(rows, column), load8(values + column), row);
    }
    if (rest > 0) {
      float last[8];
      std::fill_n(last, 8, row.bias);  // code 0
      std::copy_n(values + whole, rest, last);
      std::uint8_t encoded[kBlockBytes<kPrecision>];
      encode_columns<kPrecision>(encoded, load8(last), row);
      std::memcpy(columns_at<kPrecision>(rows, whole), encoded, (rest * kBlockBytes<kPrecision> + 7) / 8);
    }
  }
}

template <Precision kPrecision>
COLLIDE_INLINE void decode_all(const std::uint8_t* rows, std::size_t count, std::size_t width, float* out) {
  const std::size_t whole = width / 8 * 8;
  for (std::size_t i = 0; i < count; ++i, rows += row_bytes(kPrecision, width), out += width) {
    for (std::size_t column = 0; column < whole; column += 8) store8(out + column, decode8<kPrecision>(rows, column));
    if (whole < width) decode_tail<kPrecision>(rows, whole, width - whole, out + whole);
  }
}

// The first of n values whose magnitude is finite and at least that of `limit`'s bits, or n.
COLLIDE_INLINE std::size_t first_overflow(const float* values, std::size_t n, std::uint32_t limit) {
  constexpr std::size_t kBlock = 1024;
  const auto overflows = [limit](float x) {
    return (std::bit_cast<std::uint32_t>(x) & 0x7fffffffu) - limit < kInfinity32 - limit;
  };
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, n);
    std::uint32_t any = 0;
    for (std::size_t i = begin; i < end; ++i) any |= overflows(values[i]) ? 1u : 0u;
    if (any != 0) return static_cast<std::size_t>(std::find_if(values + begin, values + end, overflows) - values);
  }
  return n;
}

COLLIDE_INLINE std::size_t first_unscalable(const float* values, std::size_t count, std::size_t width,
                                            float largest_code) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = values + i * width;
    if (row_scale(row, width, largest_code).valid()) continue;
    const float* found = std::find_if(row, row + width, [](float x) { return !std::isfinite(x) || x < -65504; });
    if (found == row + width) found = std::max_element(row, row + width);
    return static_cast<std::size_t>(found - values);
  }
  return count * width;
}

}  // namespace

COLLIDE_MULTIVERSION
void decode_rows(Precision precision, const std::uint8_t* rows, std::size_t count, std::size_t width, float* out) {
  switch (precision) {
    case Precision::kFloat32:
      std::memcpy(out, rows, count * width * sizeof(float));
      return;
    case Precision::kFloat16:
      return decode_all<Precision::kFloat16>(rows, count, width, out);
    case Precision::kBfloat16:
      return decode_all<Precision::kBfloat16>(rows, count, width, out);
    case Precision::kInt8:
      return decode_all<Precision::kInt8>(rows, count, width, out);
    case Precision::kInt4:
      return decode_all<Precision::kInt4>(rows, count, width, out);
  }
}

COLLIDE_MULTIVERSION
void encode_rows(Precision precision, const float* values, std::size_t count, std::size_t width, std::uint8_t* rows) {
  switch (precision) {
    case Precision::kFloat32:
      std::memcpy(rows, values, count * width * sizeof(float));
      return;
    case Precision::kFloat16:
      return encode_all<Precision::kFloat16>(values, count, width, rows);
    case Precision::kBfloat16:
      return encode_all<Precision::kBfloat16>(values, count, width, rows);
    case Precision::kInt8:
      return encode_all<Precision::kInt8>(values, count, width, rows);
    case Precision::kInt4:
      return encode_all<Precision::kInt4>(values, count, width, rows);
  }
}

COLLIDE_MULTIVERSION
std::size_t first_unrepresentable(Precision precision, const float* values, std::size_t count, std::size_t width) {
  switch (precision) {
    case Precision::kFloat32:
      return count * width;
    case Precision::kFloat16:  // from 65520 on, the middle between the largest value and the next that there would be
      return first_overflow(values, count * width, std::bit_cast<std::uint32_t>(65520.0f));
    case Precision::kBfloat16:
      return first_overflow(values, count * width, 0x7f7f8000u);
    case Precision::kInt8:
      return first_unscalable(values, count, width, kLargestCode<Precision::kInt8>);
    case Precision::kInt4:
      return first_unscalable(values, count, width, kLargestCode<Precision::kInt4>);
  }
  return count * width;
}

}  // namespace collide
