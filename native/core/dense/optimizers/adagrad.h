// Adagrad (Duchi, Hazan and Singer 2011): s += g^2; w -= lr g / (sqrt(s) + eps), elementwise.
#pragma once

#include <cmath>
#include <cstddef>

#include "core/support/portable.h"

namespace collide::dense_optimizers {

struct Adagrad {
  static constexpr const char* kName = "adagrad";
  static constexpr int kStates = 1;  // s
  static constexpr bool kCountsSteps = false;

  double epsilon;

  template <typename Read>
  void read_options(const Read& read) {
    epsilon = read("epsilon");
  }

  static bool possible(std::size_t, float value) { return value >= 0; }

  struct Step {
    float epsilon;
  };
  Step step(float) const { return {static_cast<float>(epsilon)}; }

  static COLLIDE_HD_INLINE float update(const Step& step, float, float g, float* state) {
    float& s = state[0];
    s = s + g * g;
    return g / (std::sqrt(s) + step.epsilon);
  }

  template <typename Real>
  static COLLIDE_HD Real trust(Real, Real) {
    return 1;
  }
};

}  // namespace collide::dense_optimizers
