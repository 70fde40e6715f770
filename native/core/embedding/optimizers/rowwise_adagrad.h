// Rowwise Adagrad ("Learning to Collide", section 5; EXACT_ROWWISE_ADAGRAD of FBGEMM), one sum of squares per row:
//
//   s += mean of g^2 over the row;  w -= lr (g / (sqrt(s) + eps) + wd w)
#pragma once

#include <cstdint>

#include "core/embedding/optimizers/arithmetic.h"

namespace collide::embedding_optimizers {

struct RowwiseAdagrad {
  static constexpr const char* kName = "rowwise-adagrad";
  static constexpr int kColumnStates = 0, kRowStates = 1;

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

  static COLLIDE_HD_INLINE float row_rate(const Step& step, float mean_square, float* state) {
    float& s = state[0];
    s = s + mean_square;
    return step.learning_rate / (square_root(s) + step.epsilon);
  }

  template <typename Value>
  static COLLIDE_HD_INLINE Value next(const Step& step, float rate, const Value& w, const Value& g, Value*) {
    return step.keep * w - rate * g;
  }
};

}  // namespace collide::embedding_optimizers
