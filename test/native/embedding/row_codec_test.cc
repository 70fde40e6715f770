// cpu/embedding/row_codec.h against slow references in float64: every float16 and bfloat16 pattern, rounding to nearest
// at every midpoint, stochastic rounding, the error bounds of int8 and int4 rows, all widths. Rows lie in exactly sized
// memory, so that AddressSanitizer sees any access beyond them. A checksum pins the bits for every instruction set.
#include "cpu/embedding/row_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "core/support/random.h"

namespace {

using collide::Precision;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const char* const kNames[] = {"float32", "float16", "bfloat16", "int8", "int4"};
constexpr Precision kAll[] = {Precision::kFloat32, Precision::kFloat16, Precision::kBfloat16, Precision::kInt8,
                              Precision::kInt4};
std::string name(Precision precision) {
  return kNames[static_cast<int>(precision)];
}

// What a 16-bit format is: 5 or 8 bits of exponent.
struct Format {
  Precision precision;
  int mantissa_bits, bias;

  std::uint32_t infinity() const { return 0x7fffu >> mantissa_bits << mantissa_bits; }
  std::uint32_t quiet() const { return 1u << (mantissa_bits - 1); }
  bool is_nan(std::uint32_t bits) const { return (bits & 0x7fffu) > infinity(); }
  double value(std::uint32_t bits) const {
    const int exponent = static_cast<int>((bits & 0x7fffu) >> mantissa_bits);
    const int mantissa = static_cast<int>(bits & ((1u << mantissa_bits) - 1));
    const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
    if ((bits & 0x7fffu) >= infinity()) return mantissa != 0 ? std::nan("") : sign * kInfinity;
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
  }
  // The largest pattern without sign whose value is at most |x|, for a finite x.
  std::uint32_t floor(double x) const {
    std::uint32_t low = 0, high = infinity();
    while (high - low > 1) {
      const std::uint32_t middle = (low + high) / 2;
      (value(middle) <= std::fabs(x) ? low : high) = middle;
    }
    return low;
  }
  // Nearest, ties to even. The value after the largest would be 2^(its exponent + 1).
  std::uint32_t nearest(float x) const {
    const std::uint32_t sign = std::signbit(x) ? 0x8000u : 0;
    if (std::isnan(x)) {
      return sign | infinity() | quiet() |
             (std::bit_cast<std::uint32_t>(x) >> (23 - mantissa_bits) & (quiet() * 2 - 1));
    }
    if (std::isinf(x)) return sign | infinity();
    const std::uint32_t below = floor(x);
    const double above = below + 1 == infinity() ? std::ldexp(1.0, bias + 1) : value(below + 1);
    const double down = std::fabs(x) - value(below), up = above - std::fabs(x);
    return sign | (up < down || (up == down && below % 2 == 1) ? below + 1 : below);
  }
  // Stochastic rounding as half8.h describes it, by the random 16 bits.
  std::uint32_t stochastic(float x, std::uint32_t random) const {
    const std::uint32_t sign = std::signbit(x) ? 0x8000u : 0;
    if (!std::isfinite(x)) return sign | 0x7fff;
    const std::uint32_t below = floor(x);
    const double step =
        value(below < infinity() - 1 ? below + 1 : below) - value(below < infinity() - 1 ? below : below - 1);
    double part = (std::fabs(x) - value(below)) / step;
    const bool is_small = precision == Precision::kFloat16 && below < 0x400;
    if (is_small) part = std::nearbyint(part * 8192) / 8192;
    const double threshold = precision == Precision::kFloat16 ? (random >> 3) / 8192.0 : random / 65536.0;
    return sign | (part + threshold >= 1 && below < infinity() - 1 ? below + 1 : below);
  }
};

constexpr Format kFormats[] = {{Precision::kFloat16, 10, 15}, {Precision::kBfloat16, 7, 127}};

std::vector<std::uint8_t> encoded(Precision precision, const std::vector<float>& values, std::size_t width) {
  std::vector<std::uint8_t> rows(values.size() / width * collide::row_bytes(precision, width));
  encode_rows(precision, values.data(), values.size() / width, width, rows.data());
  return rows;
}

std::vector<float> decoded(Precision precision, const std::vector<std::uint8_t>& rows, std::size_t width) {
  const std::size_t count = rows.size() / collide::row_bytes(precision, width);
  std::vector<float> values(count * width);
  decode_rows(precision, rows.data(), count, width, values.data());
  return values;
}

// As half8.h describes them: the upper half of 32.
std::uint32_t random_bits(std::uint64_t key, std::size_t column) {
  auto x = static_cast<std::uint32_t>((collide::mix64(key) >> 32) + column);
  x = (x ^ x >> 16) * 0x85ebca6bu;
  x = (x ^ x >> 13) * 0xc2b2ae35u;
  return x >> 16;
}

std::uint32_t half_at(const std::vector<std::uint8_t>& rows, std::size_t i) {
  return rows[2 * i] | rows[2 * i + 1] << 8;
}

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

std::uint64_t checksum = 0;
template <typename T>
void add_to_checksum(const std::vector<T>& values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  for (std::size_t i = 0; i < values.size() * sizeof(T); ++i) checksum = collide::mix64(checksum ^ bytes[i]);
}

float random_float(std::uint64_t seed, std::uint64_t n) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(collide::mix64(seed ^ collide::mix64(n)) >> 32));
}

void every_pattern(const Format& format) {
  std::vector<std::uint8_t> rows(2 * 65536);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) rows[2 * bits] = bits & 255, rows[2 * bits + 1] = bits >> 8;
  for (const std::size_t width : {1, 8, 64}) {
    const std::vector<float> values = decoded(format.precision, rows, width);
    const std::vector<std::uint8_t> again = encoded(format.precision, values, width);
    int wrong = 0, changed = 0;
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
      const double expected = format.value(bits);
      const bool nan = format.is_nan(bits);
      wrong += nan ? !std::isnan(values[bits]) : values[bits] != expected || std::signbit(values[bits]) != (bits >> 15);
      changed += half_at(again, bits) != (nan ? bits | format.quiet() : bits);
    }
    const std::string what = name(format.precision) + ", width " + std::to_string(width);
    check(wrong == 0, what + ": all 65,536 patterns decode");
    check(changed == 0, what + ": all 65,536 patterns survive decoding and encoding");
  }
}

void nearest(const Format& format) {
  std::vector<float> values = {0.0f,   -0.0f,   kInfinity,     -kInfinity,    std::nanf("1"), -std::nanf("77"),
                               1e-45f, -1e-45f, 3.4028235e38f, -3.4028235e38f};
  for (std::uint32_t bits = 0; bits < format.infinity(); ++bits) {
    const double next = bits + 1 == format.infinity() ? std::ldexp(1.0, format.bias + 1) : format.value(bits + 1);
    const auto middle = static_cast<float>((format.value(bits) + next) / 2);
    for (const float x : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, kInfinity)}) {
      values.push_back(x), values.push_back(-x);
    }
  }
  for (std::uint64_t n = 0; n < 200000; ++n) values.push_back(random_float(1, n));
  const std::vector<std::uint8_t> rows = encoded(format.precision, values, 1);
  int wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) wrong += half_at(rows, i) != format.nearest(values[i]);
  check(wrong == 0, name(format.precision) + ": nearest, ties to even, at every midpoint and its neighbours");
  while (values.size() % 8 != 0) values.push_back(0);
  check(std::equal(rows.begin(), rows.end(), encoded(format.precision, values, 8).begin()),
        name(format.precision) + ": eight at once round as one by one");
}

template <Precision kPrecision>
std::vector<std::uint8_t> stochastic(const std::vector<float>& values, std::uint64_t key) {
  std::vector<std::uint8_t> row(collide::row_bytes(kPrecision, values.size()));
  const std::size_t whole = values.size() / 8 * 8;
  for (std::size_t column = 0; column < whole; column += 8) {
    collide::encode8_stochastic<kPrecision>(row.data(), column, collide::load8(values.data() + column), key);
  }
  const std::size_t rest = values.size() - whole;
  if (rest > 0) {
    collide::encode_part8_stochastic<kPrecision>(row.data(), whole, rest,
                                                 collide::load_floats(values.data() + whole, rest), key);
  }
  return row;
}

template <Precision kPrecision>
void stochastic_rounding(const Format& format) {
  const std::string what = name(kPrecision) + " stochastically: ";
  int wrong = 0, again = 0;
  for (std::uint64_t key = 0; key < 4000; ++key) {
    std::vector<float> values(1 + key % 70);
    for (std::size_t c = 0; c < values.size(); ++c) {
      values[c] = random_float(key, c);
      if (key % 2 == 0) values[c] = std::ldexp(collide::uniform01(key, c) - 0.5f, static_cast<int>(key % 30) - 26);
    }
    const auto row = stochastic<kPrecision>(values, collide::mix64(key));
    for (std::size_t c = 0; c < values.size(); ++c) {
      wrong += half_at(row, c) != format.stochastic(values[c], random_bits(collide::mix64(key), c));
    }
    again += row != stochastic<kPrecision>(values, collide::mix64(key));
    add_to_checksum(row);
  }
  check(wrong == 0, what + "the reference's bits, from key and column");
  check(again == 0, what + "the same key gives the same bits");

  // The mean over many keys is the value; every outcome is one of its two neighbours.
  std::vector<float> values;
  for (const int exponent : {-25, -22, -17, -15, -14, -10, -1, 0, 3, 14}) {
    for (const float part : {0.0f, 0.001f, 0.1f, 0.37f, 0.5f, 0.93f}) {
      const double low = format.value(format.floor(std::ldexp(1.3, exponent)));
      const double high = format.value(format.floor(std::ldexp(1.3, exponent)) + 1);
      values.push_back(static_cast<float>(low + part * (high - low))), values.push_back(-values.back());
    }
  }
  constexpr int kKeys = 20000;
  std::vector<double> sums(values.size());
  int outside = 0, differ = 0;
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    const auto row = stochastic<kPrecision>(values, collide::mix64(1000 + key));
    for (std::size_t c = 0; c < values.size(); ++c) {
      const std::uint32_t low = format.floor(values[c]), got = half_at(row, c) & 0x7fff;
      outside += got != low && (got != low + 1 || format.value(low) == std::fabs(values[c]));
      outside += (half_at(row, c) >> 15 != 0) != std::signbit(values[c]);
      sums[c] += format.value(half_at(row, c));
    }
    differ += half_at(row, 8) != half_at(row, 10);
  }
  int biased = 0;
  for (std::size_t c = 0; c < values.size(); ++c) {
    const std::uint32_t low = format.floor(values[c]);
    const double step = format.value(low + 1) - format.value(low);
    const double part = (std::fabs(values[c]) - format.value(low)) / step;
    const double sigma = step * std::sqrt(part * (1 - part) / kKeys);
    const double cut_off = kPrecision == Precision::kFloat16 && low < 0x400 ? step / 16384 : 0;
    biased += std::fabs(sums[c] / kKeys - values[c]) > 4 * sigma + cut_off;
  }
  check(outside == 0, what + "one of the two neighbours, itself if it is representable");
  check(biased == 0, what + "the mean over 20,000 keys is within 4 sigma");
  check(differ > kKeys / 4, what + "columns of one row round by bits of their own");

  // Halfway between its neighbours a value goes up or down by a fair coin, and so do the columns and keys beside it.
  const float half_way = static_cast<float>((format.value(0x3f00) + format.value(0x3f01)) / 2);
  int beside = 0, next_key = 0;
  std::vector<std::uint8_t> previous;
  for (std::uint64_t key = 0; key <= 2000; ++key) {
    const auto row = stochastic<kPrecision>(std::vector<float>(65, half_way), key);
    for (std::size_t c = 0; c < 64 && key > 0; ++c) {
      beside += half_at(row, c) == half_at(row, c + 1);
      next_key += half_at(row, c) == half_at(previous, c);
    }
    previous = row;
  }
  const double fair = 2000 * 64 / 2.0, deviation = 4 * std::sqrt(fair / 2);
  check(std::fabs(beside - fair) < deviation && std::fabs(next_key - fair) < deviation,
        what + "neither neighbouring columns nor neighbouring keys agree more or less often than chance");

  const float most = static_cast<float>(format.value(format.infinity() - 1));
  const std::vector<float> extremes = {most,          -most,          std::nextafter(most, kInfinity),
                                       3.4028235e38f, -3.4028235e38f, kInfinity,
                                       -kInfinity,    std::nanf("")};
  int unsaturated = 0;
  for (std::uint64_t key = 0; key < 1000; ++key) {
    const auto got = decoded(kPrecision, stochastic<kPrecision>(extremes, key), 8);
    for (int c = 0; c < 5; ++c) unsaturated += got[c] != std::copysign(most, extremes[c]);
    for (int c = 5; c < 8; ++c) unsaturated += !std::isnan(got[c]);
  }
  check(unsaturated == 0, what + "stops at the largest finite value; an infinity or a NaN is a NaN");
}

// A row's value as the format says, from its bytes.
double value_at(Precision precision, const std::uint8_t* row, std::size_t column) {
  const auto half = [&](std::size_t byte) { return static_cast<std::uint32_t>(row[byte] | row[byte + 1] << 8); };
  if (precision == Precision::kFloat32) {
    float value;
    std::memcpy(&value, row + 4 * column, 4);
    return value;
  }
  if (precision == Precision::kFloat16) return kFormats[0].value(half(2 * column));
  if (precision == Precision::kBfloat16) return kFormats[1].value(half(2 * column));
  const double scale = kFormats[0].value(half(0)), bias = kFormats[0].value(half(2));
  if (precision == Precision::kInt8) return bias + scale * row[4 + column];
  return bias + scale * (row[4 + column / 2] >> 4 * (column % 2) & 15);
}

// Rows of many magnitudes and offsets: around 0, far from 0, constant, tiny.
std::vector<float> sample_rows(std::size_t count, std::size_t width, std::uint64_t seed) {
  std::vector<float> values(count * width);
  for (std::size_t r = 0; r < count; ++r) {
    const float spread = std::ldexp(1.0f, static_cast<int>(collide::mix64(seed + r) % 29) - 28);
    const float center = r % 3 == 0 ? 0 : spread * (collide::uniform01(seed, r) - 0.5f) * (r % 3 == 1 ? 4 : 5000);
    for (std::size_t c = 0; c < width; ++c) {
      values[r * width + c] = r % 7 == 6 ? center : center + spread * (collide::uniform01(seed + r, c) - 0.5f);
    }
  }
  return values;
}

template <Precision kPrecision>
int decode_differences(const std::vector<std::uint8_t>& rows, const std::vector<float>& expected, std::size_t width) {
  int differences = 0;
  const std::size_t whole = width / 8 * 8;
  for (std::size_t r = 0; r * width < expected.size(); ++r) {
    const std::uint8_t* row = rows.data() + r * collide::row_bytes(kPrecision, width);
    std::vector<float> out(width);
    for (std::size_t c = 0; c < whole; c += 8) collide::store8(out.data() + c, collide::decode8<kPrecision>(row, c));
    if (whole < width) collide::decode_tail<kPrecision>(row, whole, width - whole, out.data() + whole);
    for (std::size_t c = 0; c < width; ++c) differences += !same(out[c], expected[r * width + c]);
  }
  return differences;
}

int decode_differences(Precision precision, const std::vector<std::uint8_t>& rows, const std::vector<float>& expected,
                       std::size_t width) {
  switch (precision) {
    case Precision::kFloat32:
      return decode_differences<Precision::kFloat32>(rows, expected, width);
    case Precision::kFloat16:
      return decode_differences<Precision::kFloat16>(rows, expected, width);
    case Precision::kBfloat16:
      return decode_differences<Precision::kBfloat16>(rows, expected, width);
    case Precision::kInt8:
      return decode_differences<Precision::kInt8>(rows, expected, width);
    case Precision::kInt4:
      return decode_differences<Precision::kInt4>(rows, expected, width);
  }
  return -1;
}

// The error that row_codec.h promises for a value of this row.
double bound(Precision precision, const std::uint8_t* row, double x) {
  const double scale = kFormats[0].value(row[0] | row[1] << 8);
  switch (precision) {
    case Precision::kFloat32:
      return 0;
    case Precision::kFloat16:
      return std::max(std::fabs(x) * 0x1p-11, 0x1p-25);
    case Precision::kBfloat16:
      return std::max(std::fabs(x) * 0x1p-8, 0x1p-134);
    default:
      return scale / 2 * (1 + 0x1p-12) + std::fabs(x) * 0x1p-23;
  }
}

void all_widths() {
  for (const Precision precision : kAll) {
    const bool coded = precision == Precision::kInt8 || precision == Precision::kInt4;
    int outside = 0, read_wrong = 0, differ = 0, restless = 0, lonely = 0;
    for (std::size_t width = 1; width <= 257; width = width == 70 ? 257 : width + 1) {
      const std::size_t count = 50, bytes = collide::row_bytes(precision, width);
      const std::vector<float> values = sample_rows(count, width, width);
      const auto rows = encoded(precision, values, width);
      const auto out = decoded(precision, rows, width);
      for (std::size_t r = 0; r < count; ++r) {
        const std::uint8_t* row = rows.data() + r * bytes;
        for (std::size_t c = 0; c < width; ++c) {
          const double expected = value_at(precision, row, c), x = values[r * width + c];
          read_wrong += std::fabs(out[r * width + c] - expected) > std::fabs(expected) * 0x1p-24;
          outside += !(std::fabs(out[r * width + c] - x) <= bound(precision, row, x));
        }
        const std::vector<float> one(values.begin() + r * width, values.begin() + (r + 1) * width);
        lonely += !std::equal(row, row + bytes, encoded(precision, one, width).begin());
      }
      differ += decode_differences(precision, rows, out, width);
      if (!coded) restless += encoded(precision, out, width) != rows;
      add_to_checksum(rows);
      add_to_checksum(out);
    }
    const std::string what = name(precision) + ", widths 1 to 70 and 257: ";
    check(outside == 0, what + "errors within the bound");
    check(read_wrong == 0, what + "decoded as core/embedding/precision.h says");
    check(differ == 0, what + "decode8 and decode_tail give decode_rows' bits");
    check(restless == 0, what + "encoding decoded rows changes nothing");
    check(lonely == 0, what + "a row's bytes do not depend on the other rows");
  }
}

void scaled_rows() {
  for (const Precision precision : {Precision::kInt8, Precision::kInt4}) {
    const std::string what = name(precision) + ": ";
    for (const float constant : {0.0f, 1.0f, -0.25f, 65504.0f, -65504.0f, 0x1p-24f}) {
      const std::vector<float> row(13, constant);
      const auto bytes = encoded(precision, row, 13);
      check(decoded(precision, bytes, 13) == row && bytes[0] == 0 && bytes[1] == 0,
            what + "a constant row of " + std::to_string(constant) + " is exact, scale 0");
    }
    // Far from 0 a float16 bias is coarse: it must lie below all values, not among them.
    std::vector<float> far(16);
    for (int c = 0; c < 16; ++c) far[c] = 100.03f + 0.0005f * static_cast<float>(c);
    const auto bytes = encoded(precision, far, 16);
    const auto got = decoded(precision, bytes, 16);
    double worst = 0;
    for (int c = 0; c < 16; ++c) worst = std::max(worst, std::fabs(double{got[c]} - far[c]));
    check(worst <= bound(precision, bytes.data(), 101) && worst < 0.0625 / 15,
          what + "a narrow row far from 0 keeps its error within half a step");
    // Both ends of the range get the outermost codes.
    const std::vector<float> ends = {-1, 2, 0.5f, -1, 2, 0, 1, 0.25f, 2, -1};
    const auto coded = encoded(precision, ends, 10);
    const auto code = [&](std::size_t c) {
      return precision == Precision::kInt8 ? coded[4 + c] : coded[4 + c / 2] >> 4 * (c % 2) & 15;
    };
    const int last = precision == Precision::kInt8 ? 255 : 15;
    check(code(0) == 0 && code(1) == last && code(8) == last && code(9) == 0, what + "the ends have the ends' codes");
  }
  const auto odd = encoded(Precision::kInt4, std::vector<float>{5, 6, 7}, 3);
  check(odd.size() == 6 && odd[5] >> 4 == 0, "int4: the last byte's upper half is 0 when the width is odd");
}

void unrepresentable() {
  const float nan = std::nanf("");
  const auto first = [](Precision precision, std::vector<float> values, std::size_t width) {
    return first_unrepresentable(precision, values.data(), values.size() / width, width);
  };
  check(first(Precision::kFloat32, {1, kInfinity, nan, 3e38f}, 2) == 4, "float32 holds everything");
  check(first(Precision::kFloat16, {1, 65519.996f, -65519.996f, kInfinity, nan, -65504}, 3) == 6,
        "float16 holds what rounds to a finite value, and what is not finite");
  check(first(Precision::kFloat16, {1, 2, -65520, 1e9f}, 2) == 2, "float16: the first that overflows");
  std::vector<float> many(5000, 1.0f);
  many[4097] = 65520;
  check(first(Precision::kFloat16, many, 8) == 4097, "float16: far into the values");
  const float bfloat16_limit = std::bit_cast<float>(0x7f7f8000u);
  check(first(Precision::kBfloat16, {1, std::nextafter(bfloat16_limit, 0.0f), -kInfinity, nan}, 4) == 4,
        "bfloat16 holds what rounds to a finite value");
  check(first(Precision::kBfloat16, {1, -bfloat16_limit}, 1) == 1, "bfloat16: the first that overflows");
  for (const Precision precision : {Precision::kInt8, Precision::kInt4}) {
    const float top = precision == Precision::kInt8 ? 255 : 15;
    check(first(precision, {1, 2, -65504, 65504, 0, 65504 * top}, 2) == 6, name(precision) + " holds a finite scale");
    check(first(precision, {1, 2, 3, nan, 5, 6}, 2) == 3, name(precision) + ": a NaN");
    check(first(precision, {1, 2, 3, 4, -kInfinity, 6}, 3) == 4, name(precision) + ": an infinity");
    check(first(precision, {1, 2, 3, 4, 5, -65505}, 3) == 5, name(precision) + ": a bias below float16's range");
    check(first(precision, {1, 2, 7e8f, -3, 5, 6}, 6) == 2, name(precision) + ": a range whose scale is too large");
    for (const std::size_t position : {0, 7, 12, 15, 18}) {  // in a block of eight, and after the last one
      for (const float x : {nan, kInfinity, -kInfinity, -1e6f}) {
        std::vector<float> rows(3 * 19, 0.5f);
        rows[19 + position] = x;
        const auto out = decoded(precision, encoded(precision, rows, 19), 19);
        check(first(precision, rows, 19) == 19 + position && out[18] == 0.5f && out[38] == 0.5f &&
                  std::all_of(out.begin() + 19, out.begin() + 38, [](float y) { return std::isnan(y); }),
              name(precision) + ": only the row with " + std::to_string(x) + " at " + std::to_string(position) +
                  " is NaN");
      }
    }
    for (const std::vector<float>& bad :
         {std::vector<float>{nan, 1, 2}, {1, kInfinity, 2}, {1, 2, 1e9f}, {0, 0, -1e6f}}) {
      const auto out = decoded(precision, encoded(precision, bad, 3), 3);
      check(std::isnan(out[0]) && std::isnan(out[1]) && std::isnan(out[2]), name(precision) + ": such a row is NaN");
    }
  }
}

}  // namespace

int main() {
  for (const Format& format : kFormats) {
    every_pattern(format);
    nearest(format);
  }
  stochastic_rounding<Precision::kFloat16>(kFormats[0]);
  stochastic_rounding<Precision::kBfloat16>(kFormats[1]);
  all_widths();
  scaled_rows();
  unrepresentable();
  std::printf("checksum %016llx\n", static_cast<unsigned long long>(checksum));
  check(checksum == 0x133b1a65ea92dd6eu, "the same bits from every compiler option and instruction set");
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
