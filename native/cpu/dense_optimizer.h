// The dense net's optimizers: SGD, Adagrad (elementwise) and LAMB (You et al. 2020) with one trust ratio per parameter
// tensor. They also add up the gradient's shards, in order, so bits do not depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/memory.h"

namespace collide {

struct DenseOptimizerConfig {
  enum class Kind { kSgd, kAdagrad, kLamb };
  Kind kind = Kind::kSgd;
  double learning_rate = 0.01;
  double epsilon = 1e-6;
  double beta1 = 0.9, beta2 = 0.999;
  double weight_decay = 0;  // LAMB only
};

class DenseOptimizer {
 public:
  // `tensors`: the sizes of the parameter tensors, which follow one another.
  DenseOptimizer(const DenseOptimizerConfig& config, const std::vector<std::size_t>& tensors, unsigned threads);

  // One step with the gradient sum over s of gradients[s * pitch + i], s in [0, shards). Overwrites the first shard.
  //   SGD      w -= lr g
  //   Adagrad  s += g^2; w -= lr g / (sqrt(s) + eps)
  //   LAMB     m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; r = mhat / (sqrt(vhat) + eps) + wd w, the hats being
  //            m / (1 - b1^t) and v / (1 - b2^t); w -= lr trust r, trust = |w| / |r| if both are > 0, else 1
  void step(float* parameters, float* gradients, std::size_t shards, std::size_t pitch);

  void set_learning_rate(double rate) { config_.learning_rate = rate; }

  // State as floats: nothing (SGD), s (Adagrad), or m, v and the number of steps (LAMB; it stops counting at 2^24,
  // where the bias corrections have long been 1).
  std::size_t state_size() const { return state_.bytes() / sizeof(float); }
  float* state() const { return state_.as<float>(); }
  // Whether state()[i] may be `value`: finite, sums of squares not negative, the steps a whole number.
  bool possible_state(std::size_t i, float value) const;

 private:
  struct Piece {
    std::size_t tensor, begin, end;
  };

  DenseOptimizerConfig config_;
  unsigned threads_;
  std::size_t parameters_ = 0, tensors_;
  std::vector<Piece> pieces_;                        // fixed, so that the order of every sum is
  std::vector<double> weight_norms_, update_norms_;  // squared, per piece
  Memory state_;
};

}  // namespace collide
