// An internal table in memory: its rows in their precision, and the optimizer's state of each row. A table whose rows
// are the ids of one feature may count their accesses behind each row's state: backward touches those bytes anyway.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/embedding/layout.h"
#include "core/support/memory.h"

namespace collide {

inline std::uint32_t saturating_sum(std::uint32_t total, std::uint64_t more) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(~0u, total + more));
}

struct InternalTable {
  std::uint64_t rows = 0;
  std::uint32_t width = 0;
  Precision precision = Precision::kFloat32;
  std::size_t bytes_per_row = 0;
  std::size_t state_per_row = 0;
  bool counts = false;
  Memory weights;  // [rows, bytes_per_row], see core/embedding/precision.h
  Memory state;    // float [rows, state_stride()]; the last of a row is its counter, a uint32, in a table that counts

  std::size_t state_stride() const { return state_per_row + (counts ? 1 : 0); }
  std::uint8_t* row(std::uint32_t index) const { return weights.as<std::uint8_t>() + index * bytes_per_row; }
  float* state_of(std::size_t row) const { return state.as<float>() + row * state_stride(); }
  std::uint32_t& counter(std::size_t row) const {
    return state.as<std::uint32_t>()[row * state_stride() + state_per_row];
  }
  void count(std::size_t row, std::uint64_t times) const { counter(row) = saturating_sum(counter(row), times); }

  // `count` rows from `first` on: what EmbeddingEngine says of the functions of the same names. O(values).
  void read_values(std::uint64_t first, std::size_t count, float* out) const;
  void check_values(std::uint64_t first, std::size_t count, const float* values) const;
  void write_values(std::uint64_t first, std::size_t count, const float* values);
  void read_rows(std::uint64_t first, std::size_t count, std::uint8_t* out) const;
  void write_rows(std::uint64_t first, std::size_t count, const std::uint8_t* values);
  void read_state(std::uint64_t first, std::size_t count, float* out) const;
  void write_state(std::uint64_t first, std::size_t count, const float* values);
  // Initial values, uniform in [center - scale, center + scale); weights are fresh memory. The same for any threads.
  void draw_values(float center, float scale, std::uint64_t seed, unsigned threads);
};

}  // namespace collide
