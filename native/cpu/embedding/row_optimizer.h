// The optimizers' step of one table row, from the row's gradient summed over the batch. Rows that a batch does not
// touch keep their values and their state. With g the gradient, D the width, lr the learning rate and wd the weight
// decay:
//
//   first, if max_row_norm > 0 and |g| > max_row_norm:  g *= max_row_norm / |g|
//   SGD               w -= lr (g + wd w)
//   Adagrad           s += g^2 (per column);           w -= lr (g / (sqrt(s) + eps) + wd w)
//   rowwise Adagrad   s += mean of g^2 (one per row);  w -= lr (g / (sqrt(s) + eps) + wd w)
//   Adam              m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;           w -= lr (m' / (sqrt(v') + eps) + wd w)
//   rowwise Adam      the same with one v = b2 v + (1 - b2) (mean of g^2) per row
//   with m' = m / (1 - b1^t), v' = v / (1 - b2^t), t counting the table's batches, not the row's.
//
// All in float32 (|g| in float64); float16 and bfloat16 rows are rounded stochastically when they are stored. Bits
// depend on the arguments alone, not on the instruction set: sums over columns have eight fixed lanes. Cost: one pass
// over row, gradient and state (two over the gradient for the rowwise kinds, one more for clipping).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/embedding/optimizer.h"
#include "core/embedding/precision.h"
#include "cpu/embedding/row_codec.h"
#include "cpu/support/float8.h"

namespace collide {

// Vectorised with -fno-math-errno.
COLLIDE_INLINE Float8 sqrt8(const Float8& x) {
  float lanes[8];
  store8(lanes, x);
  for (float& lane : lanes) lane = std::sqrt(lane);
  return load8(lanes);
}

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

// Steps n <= 8 columns. `rate` is the learning rate, for the rowwise kinds over the row's root already.
template <OptimizerKind kKind, Precision kPrecision>
COLLIDE_INLINE void step_columns(const OptimizerStep& step, float rate, std::uint8_t* row, float* state,
                                 const float* gradient, std::size_t width, std::size_t column, std::size_t n,
                                 std::uint64_t random_key) {
  const Float8 g = load_floats(gradient + column, n);
  Float8 direction = g;
  if constexpr (kKind == OptimizerKind::kAdagrad) {
    const Float8 s = load_floats(state + column, n) + g * g;
    store_floats(state + column, s, n);
    direction = g / (sqrt8(s) + step.epsilon);
  } else if constexpr (kKind == OptimizerKind::kAdam || kKind == OptimizerKind::kRowwiseAdam) {
    const Float8 m = step.beta1 * load_floats(state + column, n) + step.new1 * g;
    store_floats(state + column, m, n);
    direction = step.correction1 * m;
    if constexpr (kKind == OptimizerKind::kAdam) {
      const Float8 v = step.beta2 * load_floats(state + width + column, n) + step.new2 * (g * g);
      store_floats(state + width + column, v, n);
      direction = direction / (sqrt8(step.correction2 * v) + step.epsilon);
    }
  }
  if (n == 8) {
    const Float8 w = decode8<kPrecision>(row, column);
    encode8_stochastic<kPrecision>(row, column, step.keep * w - rate * direction, random_key);
  } else {
    const Float8 w = decode_part8<kPrecision>(row, column, n);
    encode_part8_stochastic<kPrecision>(row, column, n, step.keep * w - rate * direction, random_key);
  }
}

// Steps one row; may overwrite the gradient. `state` is the row's, of state_per_row values. kWidth: the width, or 0 for
// any. random_key decides how float16 and bfloat16 values round: a new one for every row and batch.
template <OptimizerKind kKind, Precision kPrecision, int kWidth>
COLLIDE_INLINE void step_row(const OptimizerStep& step, std::uint8_t* row, float* state, float* gradient,
                             std::size_t width, std::uint64_t random_key) {
  const std::size_t columns = kWidth > 0 ? kWidth : width;
  if (step.max_row_norm > 0) clip_row(step.max_row_norm, gradient, columns);
  float rate = step.learning_rate;
  if constexpr (kKind == OptimizerKind::kRowwiseAdagrad) {
    *state += mean_square(gradient, columns);
    rate /= std::sqrt(*state) + step.epsilon;
  } else if constexpr (kKind == OptimizerKind::kRowwiseAdam) {
    float& v = state[columns];
    v = step.beta2 * v + step.new2 * mean_square(gradient, columns);
    rate /= std::sqrt(step.correction2 * v) + step.epsilon;
  }
  const std::size_t whole = columns / 8 * 8;
  for (std::size_t column = 0; column < whole; column += 8) {
    step_columns<kKind, kPrecision>(step, rate, row, state, gradient, columns, column, 8, random_key);
  }
  if (whole < columns) {
    step_columns<kKind, kPrecision>(step, rate, row, state, gradient, columns, whole, columns - whole, random_key);
  }
}

// step_row of a float32 row of 8 * kVectors columns, rowwise Adagrad, not clipped, from a gradient in registers: the
// same bits without a way through memory.
template <int kVectors>
COLLIDE_INLINE void step_vectors(const OptimizerStep& step, float* row, float* state,
                                 const Float8 (&gradient)[kVectors]) {
  Float8 squares = {};
  for (int v = 0; v < kVectors; ++v) squares += gradient[v] * gradient[v];
  *state += sum8(squares) / static_cast<float>(8 * kVectors);
  const float rate = step.learning_rate / (std::sqrt(*state) + step.epsilon);
  for (int v = 0; v < kVectors; ++v) store8(row + 8 * v, step.keep * load8(row + 8 * v) - rate * gradient[v]);
}

// Steps rows 0..count - 1, all side by side, of any kind and trainable precision. Row r has the key random_key + r.
void step_rows(OptimizerKind kind, Precision precision, const OptimizerStep& step, std::uint8_t* rows, float* state,
               float* gradients, std::size_t count, std::size_t width, std::uint64_t random_key);

}  // namespace collide
