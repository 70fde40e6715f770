// How the values of a table's rows are stored. Training needs float32, float16 or bfloat16; int8 and int4 serve.
//
// A row is width values side by side; int8 and int4 rows begin with their scale and bias as float16 and hold unsigned
// codes: value = bias + scale * code. An int4 byte holds two codes, the even column in its lower half.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/support/names.h"

namespace collide {

enum class Precision : std::uint8_t { kFloat32, kFloat16, kBfloat16, kInt8, kInt4 };

inline constexpr Names<Precision> kPrecisions({{"float32", Precision::kFloat32},
                                               {"float16", Precision::kFloat16},
                                               {"bfloat16", Precision::kBfloat16},
                                               {"int8", Precision::kInt8},
                                               {"int4", Precision::kInt4}});

constexpr bool trainable(Precision precision) {
  return precision == Precision::kFloat32 || precision == Precision::kFloat16 || precision == Precision::kBfloat16;
}

constexpr std::size_t kRowHeader = 4;  // bytes of scale and bias before the codes of an int8 or int4 row

constexpr std::size_t row_bytes(Precision precision, std::size_t width) {
  switch (precision) {
    case Precision::kFloat32:
      return width * 4;
    case Precision::kFloat16:
    case Precision::kBfloat16:
      return width * 2;
    case Precision::kInt8:
      return kRowHeader + width;
    case Precision::kInt4:
      return kRowHeader + (width + 1) / 2;
  }
  return 0;
}

}  // namespace collide
