// LAMB (You et al. 2020), with one trust ratio per parameter tensor:
//
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   r = m' / (sqrt(v') + eps) + wd w,  with m' = m / (1 - b1^t), v' = v / (1 - b2^t)
//   w -= lr trust r,  trust = min(|w| / |r|, 10) if both are > 0, else 1
//
// Without the bound, a tensor whose gradient becomes 0 for good is stepped at full size for ever: r fades, the ratio
// grows by as much, and |w| grows as (1 + lr)^t until it overflows.
#pragma once

#include <cmath>
#include <cstddef>

#include "core/support/portable.h"

namespace collide::dense_optimizers {

struct Lamb {
  static constexpr const char* kName = "lamb";
  static constexpr int kStates = 2;  // m, v
  static constexpr bool kCountsSteps = true;

  double epsilon, beta1, beta2, weight_decay;

  template <typename Read>
  void read_options(const Read& read) {
    epsilon = read("epsilon"), beta1 = read("beta1"), beta2 = read("beta2"), weight_decay = read("weightDecay");
  }

  static bool possible(std::size_t s, float value) { return s == 0 || value >= 0; }

  struct Step {
    float epsilon, beta1, new1, correction1, beta2, new2, correction2, decay;
  };
  Step step(float t) const {
    const auto narrow = [](double value) { return static_cast<float>(value); };
    return {narrow(epsilon),
            narrow(beta1),
            narrow(1 - beta1),
            narrow(1 / (1 - std::pow(beta1, t))),
            narrow(beta2),
            narrow(1 - beta2),
            narrow(1 / (1 - std::pow(beta2, t))),
            narrow(weight_decay)};
  }

  static COLLIDE_HD_INLINE float update(const Step& step, float w, float g, float* state) {
    float &m = state[0], &v = state[1];
    m = step.beta1 * m + step.new1 * g;
    v = step.beta2 * v + step.new2 * g * g;
    return m * step.correction1 / (std::sqrt(v * step.correction2) + step.epsilon) + step.decay * w;
  }

  template <typename Real>
  static COLLIDE_HD Real trust(Real weight_norm, Real update_norm) {
    constexpr Real kMost = 10;
    if (!(weight_norm > 0 && update_norm > 0)) return 1;
    const Real ratio = weight_norm / update_norm;
    return ratio < kMost ? ratio : kMost;
  }
};

}  // namespace collide::dense_optimizers
