// Stochastic gradient descent: w -= lr (g + wd w).
#pragma once

#include <cstdint>

#include "core/embedding/optimizers/arithmetic.h"

namespace collide::embedding_optimizers {

struct Sgd {
  static constexpr const char* kName = "sgd";
  static constexpr int kColumnStates = 0, kRowStates = 0;

  float weight_decay;

  template <typename Read>
  void read_options(const Read& read) {
    weight_decay = read("weightDecay");
  }

  struct Step {
    float learning_rate, keep;
  };
  Step step(float learning_rate, std::uint64_t) const {
    return {learning_rate, kept_share(learning_rate, weight_decay)};
  }

  template <typename Value>
  static COLLIDE_HD_INLINE Value next(const Step& step, float rate, const Value& w, const Value& g, Value*) {
    return step.keep * w - rate * g;
  }
};

}  // namespace collide::embedding_optimizers
