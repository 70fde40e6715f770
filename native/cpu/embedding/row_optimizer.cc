#include "cpu/embedding/row_optimizer.h"

#include <cmath>

#include "core/support/error.h"
#include "core/support/multiversion.h"
#include "core/support/named_kinds.h"

namespace collide {

namespace {

template <Precision kPrecision>
COLLIDE_INLINE void step_all(const OptimizerStep& any, std::uint8_t* rows, float* state, float* gradients,
                             std::size_t count, std::size_t width, std::uint64_t random_key) {
  visit_inlined(
      any, [&]<typename Kind>(const RowStep<Kind>& step) __attribute__((always_inline)) {
        for (std::size_t row = 0; row < count; ++row) {
          step_row<Kind, kPrecision, 0>(step, rows + row * row_bytes(kPrecision, width),
                                        state + row * state_per_row<Kind>(width), gradients + row * width, width,
                                        random_key + row);
        }
      });
}

}  // namespace

COLLIDE_MULTIVERSION
void clip_row(float max_norm, float* gradient, std::size_t width) {
  Double4 squares = {};
  for (std::size_t column = 0; column + 4 <= width; column += 4) {
    typedef float Unaligned __attribute__((vector_size(16), aligned(4), may_alias));
    const Double4 g = __builtin_convertvector(*reinterpret_cast<const Unaligned*>(gradient + column), Double4);
    squares += g * g;
  }
  double sum = (squares[0] + squares[2]) + (squares[1] + squares[3]);
  for (std::size_t column = width / 4 * 4; column < width; ++column) sum += double{gradient[column]} * gradient[column];
  const double norm = std::sqrt(sum);
  if (!(norm > max_norm)) return;
  const float factor = static_cast<float>(max_norm / norm);
  for (std::size_t column = 0; column < width; ++column) gradient[column] *= factor;
}

COLLIDE_MULTIVERSION
void step_rows(const OptimizerStep& step, Precision precision, std::uint8_t* rows, float* state, float* gradients,
               std::size_t count, std::size_t width, std::uint64_t random_key) {
  switch (precision) {
    case Precision::kFloat32:
      return step_all<Precision::kFloat32>(step, rows, state, gradients, count, width, random_key);
    case Precision::kFloat16:
      return step_all<Precision::kFloat16>(step, rows, state, gradients, count, width, random_key);
    case Precision::kBfloat16:
      return step_all<Precision::kBfloat16>(step, rows, state, gradients, count, width, random_key);
    case Precision::kInt8:
    case Precision::kInt4:
      fail("NOT_SUPPORTED", "Expected float32, float16 or bfloat16 rows to train, received int8 or int4 ones");
  }
}

}  // namespace collide
