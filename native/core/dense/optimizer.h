// What the dense net's optimizers are, for the engines that run them.
//   SGD      w -= lr g
//   Adagrad  s += g^2; w -= lr g / (sqrt(s) + eps), elementwise
//   LAMB     m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; r = mhat / (sqrt(vhat) + eps) + wd w, the hats being
//            m / (1 - b1^t) and v / (1 - b2^t); w -= lr trust r, trust = min(|w| / |r|, 10) if both are > 0, else 1;
//            one per parameter tensor (You et al. 2020)
//
// Without the bound, a tensor whose gradient becomes 0 for good is stepped at full size for ever: r fades, the ratio
// grows by as much, and |w| grows as (1 + lr)^t until it overflows.
//
// A step is taken whole or not at all: if a value of the parameters or of the state would not be finite, everything
// stays as it is.
#pragma once

#include <cstddef>

namespace collide {

struct DenseOptimizerConfig {
  enum class Kind { kSgd, kAdagrad, kLamb };
  Kind kind = Kind::kSgd;
  double learning_rate = 0.01;
  double epsilon = 1e-6;
  double beta1 = 0.9, beta2 = 0.999;
  double weight_decay = 0;  // LAMB only
};

// The numbers of one step: rest = 1 - beta, correct = 1 / (1 - beta^t).
struct DenseRates {
  float rate, epsilon, beta1, rest1, beta2, rest2, correct1, correct2, decay;
};

// The largest trust ratio.
inline constexpr float kMostTrust = 10;

// Steps are counted up to here, where the bias corrections have long been 1.
inline constexpr float kMostDenseSteps = 16777216.0f;

// Of LAMB's step number `steps`, the first being 1.
DenseRates dense_rates(const DenseOptimizerConfig& config, float steps);

// The state as floats: nothing (SGD), s (Adagrad), or m, v and the number of steps (LAMB).
std::size_t dense_state_size(const DenseOptimizerConfig& config, std::size_t parameters);

// Whether state[i] may be `value`: finite, sums of squares not negative, the steps a whole number.
bool possible_dense_state(const DenseOptimizerConfig& config, std::size_t parameters, std::size_t i, float value);

}  // namespace collide
