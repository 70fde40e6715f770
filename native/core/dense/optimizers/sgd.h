// Stochastic gradient descent: w -= lr g.
#pragma once

#include <cstddef>

#include "core/support/portable.h"

namespace collide::dense_optimizers {

struct Sgd {
  static constexpr const char* kName = "sgd";
  static constexpr int kStates = 0;
  static constexpr bool kCountsSteps = false;

  template <typename Read>
  void read_options(const Read&) {}

  static bool possible(std::size_t, float) { return false; }

  struct Step {};
  Step step(float) const { return {}; }

  static COLLIDE_HD_INLINE float update(const Step&, float, float g, float*) { return g; }

  template <typename Real>
  static COLLIDE_HD Real trust(Real, Real) {
    return 1;
  }
};

}  // namespace collide::dense_optimizers
