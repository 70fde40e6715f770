// The optimizers of core/dense_optimizer.h on the CPU. They also add up the gradient's shards, in order, so bits do not
// depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dense_optimizer.h"
#include "core/memory.h"

namespace collide {

class DenseOptimizer {
 public:
  // `tensors`: the sizes of the parameter tensors, which follow one another. Keeps a reference to the config.
  DenseOptimizer(const DenseOptimizerConfig& config, const std::vector<std::size_t>& tensors, unsigned threads);

  // One step with the gradient sum over s of gradients[s * pitch + i], s in [0, shards). Overwrites the first shard.
  void step(float* parameters, float* gradients, std::size_t shards, std::size_t pitch);

  // Laid out as dense_state_size says.
  float* state() const { return state_.as<float>(); }

 private:
  struct Piece {
    std::size_t tensor, begin, end;
  };

  const DenseOptimizerConfig& config_;
  unsigned threads_;
  std::size_t parameters_ = 0, tensors_;
  std::vector<Piece> pieces_;                        // fixed, so that the order of every sum is
  std::vector<double> weight_norms_, update_norms_;  // squared, per piece
  Memory state_;
};

}  // namespace collide
