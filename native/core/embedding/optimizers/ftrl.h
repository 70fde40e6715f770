// FTRL-Proximal (McMahan et al. 2013, algorithm 1), for every value by itself. After gradients g_1 ... g_t the weight
// is what minimises
//
//   (sum of g_s) w + 1/2 sum over s = 0 ... t of sigma_s (w - w_s)^2 + l1 |w| + l2/2 w^2
//   with 1/lr_s = (b + sqrt(g_1^2 + ... + g_s^2)) / lr, sigma_0 = 1/lr_0 and sigma_s = 1/lr_s - 1/lr_(s-1)
//
// w_0 is the value that the row began with (0 in the paper, where the term of s = 0 is part of l2), and a value is left
// as it is until its first gradient. The state is z, lr times that of the paper, which a rate of 0 does not divide by,
// and n:
//
//   z += lr g - (sqrt(n + g^2) - sqrt(n)) w, from z = -b w at the first gradient;  n += g^2
//   w = 0 if |z| <= lr l1, else (sign(z) lr l1 - z) / (b + sqrt(n) + lr l2)
//
// Without l1 and l2 it is Adagrad with epsilon b. Every gradient counts with the rate of its own step.
#pragma once

#include <cstdint>

#include "core/embedding/optimizers/arithmetic.h"

namespace collide::embedding_optimizers {

struct Ftrl {
  static constexpr const char* kName = "ftrl";
  static constexpr int kColumnStates = 2, kRowStates = 0;

  float beta, l1, l2;

  template <typename Read>
  void read_options(const Read& read) {
    beta = read("beta"), l1 = read("l1"), l2 = read("l2");
  }

  struct Step {
    float learning_rate, beta, l1, l2;  // l1 and l2: times the learning rate
  };
  Step step(float learning_rate, std::uint64_t) const {
    return {learning_rate, beta, learning_rate * l1, learning_rate * l2};
  }

  template <typename Value>
  static COLLIDE_HD_INLINE Value next(const Step& step, float rate, const Value& w, const Value& g, Value* state) {
    Value &z = state[0], &n = state[1];
    const Value squares = n + g * g, root = square_root(squares);
    const Value begun = n == 0.0f ? -step.beta * w : z;
    const Value moved = begun + rate * g - (root - square_root(n)) * w;
    const Value held = moved > step.l1 ? step.l1 : moved < -step.l1 ? -step.l1 : moved;
    const Value weight = (held - moved) / (step.beta + root + step.l2);
    z = squares == 0.0f ? z : moved;
    n = squares;
    return squares == 0.0f ? w : weight;
  }
};

}  // namespace collide::embedding_optimizers
