#include "core/embedding/optimizer.h"

namespace collide {

namespace {

// base^exponent by squaring: its bits do not depend on a library.
double power(double base, std::uint64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if ((exponent & 1) != 0) result *= base;
  }
  return result;
}

float bias_correction(float beta, std::uint64_t step) {
  return static_cast<float>(1 / (1 - power(beta, step)));
}

}  // namespace

OptimizerStep::OptimizerStep(const OptimizerSettings& settings, std::uint64_t step)
    : learning_rate(settings.learning_rate),
      epsilon(settings.epsilon),
      max_row_norm(settings.max_row_norm),
      keep(static_cast<float>(1 - double{settings.learning_rate} * settings.weight_decay)),
      beta1(settings.beta1),
      beta2(settings.beta2),
      new1(static_cast<float>(1 - double{settings.beta1})),
      new2(static_cast<float>(1 - double{settings.beta2})),
      correction1(bias_correction(settings.beta1, step)),
      correction2(bias_correction(settings.beta2, step)) {}

}  // namespace collide
