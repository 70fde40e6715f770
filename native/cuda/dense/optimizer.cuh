// The optimizers of core/dense/optimizer.h on the device; parameters, gradients and state stay there.
//
// A block takes a piece of at most 1,024 values of one tensor: first it adds up the gradient's shards in order and
// measures, then, unless a tensor's step would leave what is not finite, it steps. Norms are float32 sums over threads,
// pieces, then tensors, each in a fixed order (the CPU engine adds in float64; a norm that overflows float32, of
// weights or updates beyond 10^19, counts as a step that cannot be taken).
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dense/optimizer.h"
#include "cuda/support/device_memory.cuh"

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

  struct StepArguments;

  // One step after a batch of `rows`, unless *loss is not finite; overwrites the first shards. Where the step would
  // leave a parameter or a part of the state that is not finite, it is not taken, *loss becomes NaN and *halted (unless
  // null) 1. Both are on the device, so nothing is waited for, and the step is counted: who learns that it was not
  // taken sets the count back.
  void enqueue_step(float* parameters, float* gradients, std::uint32_t rows, float* loss, std::uint32_t* halted);
  float steps() const { return steps_; }
  void set_steps(float steps) { steps_ = steps; }

  // Laid out as dense_state_size says.
  void read_state(float* to) const;
  void write_state(const float* values);

  // [tensors]: the steps since each last had a gradient other than 0.
  void read_idle(float* to) const;

 private:
  template <typename Kind>
  void launch_step(const Kind& kind, const StepArguments& args);

  const DenseOptimizerConfig& config_;
  const Stream& stream_;
  std::size_t parameters_ = 0, states_ = 0;  // states_: of all parameters
  bool counts_steps_ = false;
  std::uint32_t pieces_ = 0, tensors_;
  float steps_ = 0;
  DeviceArray<DensePiece> device_pieces_;
  DeviceArray<std::uint32_t> first_piece_;   // [tensors + 1]
  DeviceArray<float> state_;                 // [states of a parameter, parameters]
  DeviceArray<float> norms_;                 // [pieces, 2] sums of squares of weights and updates
  DeviceArray<std::uint32_t> any_gradient_;  // [pieces]
  DeviceArray<float> scales_;                // [tensors] rate times trust ratio
  DeviceArray<float> idle_;                  // [tensors] steps without a gradient
};

}  // namespace collide::cuda
