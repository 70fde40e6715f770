// The optimizers' step of one table row (core/embedding/optimizers has the formulas), from the row's gradient summed
// over the batch. Rows that a batch does not touch keep their values and their state. A gradient longer than
// max_row_norm is first shortened to it: g *= max_row_norm / |g|.
//
// All in float32 (|g| in float64); float16 and bfloat16 rows are rounded stochastically when they are stored. Bits
// depend on the arguments alone, not on the instruction set: sums over columns have eight fixed lanes. Cost: one pass
// over row, gradient and state (two over the gradient for optimizers with a state per row, one more for clipping).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/embedding/optimizer.h"
#include "core/embedding/precision.h"
#include "cpu/embedding/row_codec.h"
#include "cpu/support/float8.h"

namespace collide {

// gradient *= max_norm / |gradient| if the norm is larger. In float64, where the square of no float is infinite or 0.
void clip_row(float max_norm, float* gradient, std::size_t width);

COLLIDE_INLINE float mean_square(const float* gradient, std::size_t width) {
  Float8 squares = {};
  const std::size_t whole = width / 8 * 8;
  for (std::size_t column = 0; column < whole; column += 8) {
    const Float8 g = load8(gradient + column);
    squares += g * g;
  }
  if (whole < width) {
    const Float8 g = load_floats(gradient + whole, width - whole);
    squares += g * g;
  }
  return sum8(squares) / static_cast<float>(width);
}

// Steps n <= 8 columns. `rate` is the row's.
template <typename Kind, Precision kPrecision>
COLLIDE_INLINE void step_columns(const typename Kind::Step& step, float rate, std::uint8_t* row, float* state,
                                 const float* gradient, std::size_t width, std::size_t column, std::size_t n,
                                 std::uint64_t random_key) {
  constexpr int kStates = Kind::kColumnStates;
  const Float8 g = load_floats(gradient + column, n);
  Float8 states[kStates + 1];
  for (int s = 0; s < kStates; ++s) states[s] = load_floats(state + s * width + column, n);
  if (n == 8) {
    const Float8 w = decode8<kPrecision>(row, column);
    encode8_stochastic<kPrecision>(row, column, Kind::next(step, rate, w, g, states), random_key);
  } else {
    const Float8 w = decode_part8<kPrecision>(row, column, n);
    encode_part8_stochastic<kPrecision>(row, column, n, Kind::next(step, rate, w, g, states), random_key);
  }
  for (int s = 0; s < kStates; ++s) store_floats(state + s * width + column, states[s], n);
}

// Steps one row; may overwrite the gradient. `state` is the row's, of state_per_row values. kWidth: the width, or 0 for
// any. random_key decides how float16 and bfloat16 values round: a new one for every row and batch.
template <typename Kind, Precision kPrecision, int kWidth>
COLLIDE_INLINE void step_row(const RowStep<Kind>& step, std::uint8_t* row, float* state, float* gradient,
                             std::size_t width, std::uint64_t random_key) {
  const std::size_t columns = kWidth > 0 ? kWidth : width;
  if (step.max_row_norm > 0) clip_row(step.max_row_norm, gradient, columns);
  float rate = step.numbers.learning_rate;
  if constexpr (Kind::kRowStates > 0) {
    rate = Kind::row_rate(step.numbers, mean_square(gradient, columns), state + Kind::kColumnStates * columns);
  }
  const std::size_t whole = columns / 8 * 8;
  for (std::size_t column = 0; column < whole; column += 8) {
    step_columns<Kind, kPrecision>(step.numbers, rate, row, state, gradient, columns, column, 8, random_key);
  }
  if (whole < columns) {
    step_columns<Kind, kPrecision>(step.numbers, rate, row, state, gradient, columns, whole, columns - whole,
                                   random_key);
  }
}

// step_row of a float32 row of 8 * kVectors columns, not clipped, from a gradient in registers: the same bits without a
// way through memory.
template <typename Kind, int kVectors>
COLLIDE_INLINE void step_vectors(const RowStep<Kind>& step, float* row, float* state,
                                 const Float8 (&gradient)[kVectors]) {
  constexpr int kStates = Kind::kColumnStates, kColumns = 8 * kVectors;
  float rate = step.numbers.learning_rate;
  if constexpr (Kind::kRowStates > 0) {
    Float8 squares = {};
    for (int v = 0; v < kVectors; ++v) squares += gradient[v] * gradient[v];
    rate = Kind::row_rate(step.numbers, sum8(squares) / static_cast<float>(kColumns), state + kStates * kColumns);
  }
  for (int v = 0; v < kVectors; ++v) {
    Float8 states[kStates + 1];
    for (int s = 0; s < kStates; ++s) states[s] = load8(state + s * kColumns + 8 * v);
    store8(row + 8 * v, Kind::next(step.numbers, rate, load8(row + 8 * v), gradient[v], states));
    for (int s = 0; s < kStates; ++s) store8(state + s * kColumns + 8 * v, states[s]);
  }
}

// Steps rows 0..count - 1, all side by side, of any trainable precision. Row r has the key random_key + r.
void step_rows(const OptimizerStep& step, Precision precision, std::uint8_t* rows, float* state, float* gradients,
               std::size_t count, std::size_t width, std::uint64_t random_key);

}  // namespace collide
