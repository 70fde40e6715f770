// Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019), m and v per value:
//
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   w -= lr (m' / (sqrt(v') + eps) + wd w)
//   with m' = m / (1 - b1^t), v' = v / (1 - b2^t), t counting the table's batches, not the row's
#pragma once

#include <cstdint>

#include "core/embedding/optimizers/arithmetic.h"

namespace collide::embedding_optimizers {

struct Adam {
  static constexpr const char* kName = "adam";
  static constexpr int kColumnStates = 2, kRowStates = 0;

  float epsilon, beta1, beta2, weight_decay;

  template <typename Read>
  void read_options(const Read& read) {
    epsilon = read("epsilon"), beta1 = read("beta1"), beta2 = read("beta2"), weight_decay = read("weightDecay");
  }

  struct Step {
    float learning_rate, keep, epsilon, beta1, new1, correction1, beta2, new2, correction2;
  };
  Step step(float learning_rate, std::uint64_t t) const {
    return {learning_rate,
            kept_share(learning_rate, weight_decay),
            epsilon,
            beta1,
            new_share(beta1),
            bias_correction(beta1, t),
            beta2,
            new_share(beta2),
            bias_correction(beta2, t)};
  }

  template <typename Value>
  static COLLIDE_HD_INLINE Value next(const Step& step, float rate, const Value& w, const Value& g, Value* state) {
    Value &m = state[0], &v = state[1];
    m = step.beta1 * m + step.new1 * g;
    v = step.beta2 * v + step.new2 * (g * g);
    const Value direction = step.correction1 * m / (square_root<Value>(step.correction2 * v) + step.epsilon);
    return step.keep * w - rate * direction;
  }
};

}  // namespace collide::embedding_optimizers
