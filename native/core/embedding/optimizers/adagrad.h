// Adagrad (Duchi, Hazan and Singer 2011), one sum of squares per value:
//
//   s += g^2;  w -= lr (g / (sqrt(s) + eps) + wd w)
#pragma once

#include <cstdint>

#include "core/embedding/optimizers/arithmetic.h"

namespace collide::embedding_optimizers {

struct Adagrad {
  static constexpr const char* kName = "adagrad";
  static constexpr int kColumnStates = 1, kRowStates = 0;

  float epsilon, weight_decay;

  template <typename Read>
  void read_options(const Read& read) {
    epsilon = read("epsilon"), weight_decay = read("weightDecay");
  }

  struct Step {
    float learning_rate, keep, epsilon;
  };
  Step step(float learning_rate, std::uint64_t) const {
    return {learning_rate, kept_share(learning_rate, weight_decay), epsilon};
  }

  template <typename Value>
  static COLLIDE_HD_INLINE Value next(const Step& step, float rate, const Value& w, const Value& g, Value* state) {
    Value& s = state[0];
    s = s + g * g;
    const Value direction = g / (square_root(s) + step.epsilon);
    return step.keep * w - rate * direction;
  }
};

}  // namespace collide::embedding_optimizers
