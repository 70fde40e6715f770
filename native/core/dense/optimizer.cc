#include "core/dense/optimizer.h"

#include <cmath>

namespace collide {

using Kind = DenseOptimizerConfig::Kind;

DenseRates dense_rates(const DenseOptimizerConfig& config, float steps) {
  const auto narrow = [](double value) { return static_cast<float>(value); };
  DenseRates rates{};
  rates.rate = narrow(config.learning_rate);
  rates.epsilon = narrow(config.epsilon);
  if (config.kind != Kind::kLamb) return rates;
  rates.beta1 = narrow(config.beta1), rates.rest1 = narrow(1 - config.beta1);
  rates.beta2 = narrow(config.beta2), rates.rest2 = narrow(1 - config.beta2);
  rates.correct1 = narrow(1 / (1 - std::pow(config.beta1, steps)));
  rates.correct2 = narrow(1 / (1 - std::pow(config.beta2, steps)));
  rates.decay = narrow(config.weight_decay);
  return rates;
}

std::size_t dense_state_size(const DenseOptimizerConfig& config, std::size_t parameters) {
  if (config.kind == Kind::kSgd) return 0;
  return config.kind == Kind::kAdagrad ? parameters : 2 * parameters + 1;
}

bool possible_dense_state(const DenseOptimizerConfig& config, std::size_t parameters, std::size_t i, float value) {
  if (!std::isfinite(value)) return false;
  if (config.kind != Kind::kLamb) return value >= 0;
  if (i == 2 * parameters) return value >= 0 && value <= kMostDenseSteps && value == std::floor(value);
  return i < parameters || value >= 0;
}

}  // namespace collide
