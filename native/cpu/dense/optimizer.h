// The optimizers of core/dense/optimizer.h on the CPU. They also add up the gradient's shards, in order, so bits do not
// depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dense/optimizer.h"
#include "core/support/memory.h"

namespace collide {

class DenseOptimizer {
 public:
  // `tensors`: the sizes of the parameter tensors, which follow one another. Keeps a reference to the config.
  DenseOptimizer(const DenseOptimizerConfig& config, const std::vector<std::size_t>& tensors, unsigned threads);

  // One step with the gradient sum over s of gradients[s * pitch + i], s in [0, shards). Overwrites the first shard.
  // Returns false, and has then changed no parameter and no state, if one of them would not be finite.
  bool step(float* parameters, float* gradients, std::size_t shards, std::size_t pitch);

  // Laid out as dense_state_size says.
  float* state() const { return state_.as<float>(); }

  // Of each tensor: the steps since it last had a gradient other than 0, at most kMostDenseSteps.
  const std::vector<float>& idle() const { return idle_; }

 private:
  struct Piece {
    std::size_t tensor, begin, end;
  };
  struct Measured {
    double weight_norm = 0, update_norm = 0;  // squared
    bool any_gradient = false;
  };

  template <typename Kind>
  bool step_of(const Kind& kind, float* parameters, float* gradients, std::size_t shards, std::size_t pitch);

  const DenseOptimizerConfig& config_;
  unsigned threads_;
  std::size_t parameters_ = 0, tensors_;
  std::vector<Piece> pieces_;       // fixed, so that the order of every sum is
  std::vector<Measured> measured_;  // per piece
  std::vector<float> idle_;
  Memory state_;
};

}  // namespace collide
