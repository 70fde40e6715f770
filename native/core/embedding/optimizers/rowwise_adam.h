// Rowwise Adam (PARTIAL_ROWWISE_ADAM of FBGEMM): Adam with m per value and one v per row.
//
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) (mean of g^2 over the row)
//   w -= lr (m' / (sqrt(v') + eps) + wd w)
//   with m' = m / (1 - b1^t), v' = v / (1 - b2^t), t counting the table's batches, not the row's
#pragma once

#include <cstdint>

#include "core/embedding/optimizers/arithmetic.h"

namespace collide::embedding_optimizers {

struct RowwiseAdam {
  static constexpr const char* kName = "rowwise-adam";
  static constexpr int kColumnStates = 1, kRowStates = 1;

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

  static COLLIDE_HD_INLINE float row_rate(const Step& step, float mean_square, float* state) {
    float& v = state[0];
    v = step.beta2 * v + step.new2 * mean_square;
    return step.learning_rate / (square_root(step.correction2 * v) + step.epsilon);
  }

  template <typename Value>
  static COLLIDE_HD_INLINE Value next(const Step& step, float rate, const Value& w, const Value& g, Value* state) {
    Value& m = state[0];
    m = step.beta1 * m + step.new1 * g;
    return step.keep * w - rate * (step.correction1 * m);
  }
};

}  // namespace collide::embedding_optimizers
