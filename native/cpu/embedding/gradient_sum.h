// Sums of the gradients of one row: 64 at a time in float32, those sums in float64, 4,096 to a piece
// (core/embedding/optimizer.h), always in the order of the batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "core/embedding/optimizer.h"
#include "cpu/embedding/row_sort.h"
#include "cpu/support/float8.h"

namespace collide {

// kBlock columns, from `column` on, of the gradients of `n` entries.
template <typename Entry, int kBlock>
struct Sum {
  static constexpr int kCount = std::min(kBlock, 8), kVectors = kBlock / kCount;
  using Value = Lanes<kCount>;

  static COLLIDE_INLINE Value scaled(const Value& value, const Entry& entry) {
    if constexpr (std::is_same_v<Entry, WeightedRowEntry>) return entry.coefficient * value;
    return value;
  }
  static COLLIDE_INLINE Value term(const float* gradient, const Entry& entry, std::size_t column, int v) {
    return scaled(load_lanes<kCount>(gradient + entry.source + column + kCount * v), entry);
  }

  // In float32, for at least one and at most kFloatRun entries.
  static COLLIDE_INLINE void few(const float* gradient, const Entry* entries, std::size_t n, std::size_t column,
                                 Value (&sum)[kVectors]) {
    for (int v = 0; v < kVectors; ++v) sum[v] = term(gradient, entries[0], column, v);
    for (std::size_t i = 1; i < n; ++i) {
      for (int v = 0; v < kVectors; ++v) sum[v] += term(gradient, entries[i], column, v);
    }
  }
  static COLLIDE_INLINE void few(const float* gradient, const Entry* entries, std::size_t n, std::size_t column,
                                 float* out) {
    Value sum[kVectors];
    few(gradient, entries, n, column, sum);
    for (int v = 0; v < kVectors; ++v) store_lanes<kCount>(out + kCount * v, sum[v]);
  }

  // out[0, kBlock) = the sum of at most kGradientPiece entries in float64.
  static COLLIDE_INLINE void piece(const float* gradient, const Entry* entries, std::size_t n, std::size_t column,
                                   double* out) {
    std::fill_n(out, kBlock, 0.0);
    for (std::size_t i = 0; i < n; i += kFloatRun) {
      float part[kBlock];
      few(gradient, entries + i, std::min(kFloatRun, n - i), column, part);
      for (int j = 0; j < kBlock; ++j) out[j] += part[j];
    }
  }

  static COLLIDE_INLINE void run(const float* gradient, const Entry* entries, std::size_t n, std::size_t column,
                                 float* out) {
    if (n <= kFloatRun) return few(gradient, entries, n, column, out);
    double sum[kBlock] = {}, part[kBlock];
    for (std::size_t i = 0; i < n; i += kGradientPiece) {
      piece(gradient, entries + i, std::min(kGradientPiece, n - i), column, part);
      for (int j = 0; j < kBlock; ++j) sum[j] += part[j];
    }
    for (int j = 0; j < kBlock; ++j) out[j] = static_cast<float>(sum[j]);
  }
};

}  // namespace collide
