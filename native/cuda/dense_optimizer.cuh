// The optimizers of core/dense_optimizer.h on the device; parameters, gradients and state stay there.
//
// A block takes a piece of at most 1,024 values of one tensor, adds up the gradient's shards in order and steps. LAMB's
// norms are float32 sums over threads, pieces, then tensors, each in a fixed order (the CPU engine adds in float64; a
// norm that overflows float32, of weights beyond 10^19, is a net beyond help).
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dense_optimizer.h"
#include "cuda/device_memory.cuh"

namespace collide::cuda {

// A parameter tensor, in floats, and the shards of its gradient, of which a batch uses batch_shards(shards, rows).
struct DenseTensor {
  std::size_t begin, count;
  std::size_t gradient, pitch;  // where the first shard is; from one shard to the next
  std::uint32_t shards;
};

struct DensePiece {
  std::size_t begin, gradient, pitch;
  std::uint32_t count, shards, tensor;
};

class DenseOptimizer {
 public:
  // Keeps a reference to the config. Throws Error OUT_OF_MEMORY or CUDA_FAILED.
  DenseOptimizer(const DenseOptimizerConfig& config, const std::vector<DenseTensor>& tensors, const Stream& stream);

  // One step after a batch of `rows`, unless *loss is not finite; overwrites the first shards. `loss` is on the device,
  // so nothing is waited for, and the step is counted: who learns that it was not taken sets the count back.
  void enqueue_step(float* parameters, float* gradients, std::uint32_t rows, const float* loss);
  float steps() const { return steps_; }
  void set_steps(float steps) { steps_ = steps; }

  // Laid out as dense_state_size says.
  void read_state(float* to) const;
  void write_state(const float* values);

 private:
  const DenseOptimizerConfig& config_;
  const Stream& stream_;
  std::size_t parameters_ = 0;
  std::uint32_t pieces_ = 0, tensors_;
  float steps_ = 0;
  DeviceArray<DensePiece> device_pieces_;
  DeviceArray<std::uint32_t> first_piece_;  // [tensors + 1]
  DeviceArray<float> first_, second_;       // Adagrad: s. LAMB: m and v
  DeviceArray<float> norms_;                // LAMB: [pieces, 2] sums of squares of w and r
  DeviceArray<float> scales_;               // LAMB: [tensors] rate times trust ratio
};

}  // namespace collide::cuda
