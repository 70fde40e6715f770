// The dense net on CUDA device 0: core/dense/net.h says what it is, core/dense/plan.h where everything is kept, op.cuh
// how it is computed. Parameters, activations, gradients and optimizer state stay on the device.
//
// With host arrays, a step copies dense inputs, embeddings and labels to the device, and the loss and the gradient of
// the embeddings back. Where those are on the device already, enqueue_step() and enqueue_predict() copy nothing up.
// Deterministic: the bits of a result depend on the calls, not on the size of the device. They are not the CPU
// engine's, whose sums over a batch are cut and ordered otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/dense/net.h"
#include "cuda/dense/op.cuh"
#include "cuda/dense/optimizer.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

// A batch in device memory, row-major. Labels are 0 or 1.
struct DenseBatch {
  std::uint32_t rows;
  const float* dense;       // [rows, dense inputs]
  const float* embeddings;  // [rows, vectors * dim]
  const float* labels;      // [rows]
  float* gradient;          // [rows, vectors * dim], written
};

class CudaDenseNet final : public DenseNet {
 public:
  // Throws Error INVALID_ARGUMENT, OUT_OF_MEMORY or CUDA_FAILED.
  explicit CudaDenseNet(const DenseNetConfig& config);

  // Room for what follows, of so many rows. Throws Error INVALID_ARGUMENT or OUT_OF_MEMORY.
  void reserve(std::size_t rows) const;
  // Starts a step in stream(); its loss will be at loss(). A step that cannot be taken (see DenseNet::step) has the
  // loss NaN. After a loss that is not finite nothing is stepped, and *halted (in device memory, or null) becomes 1:
  // while it is not 0, losses are NaN. The step is counted in any case; who learns that it was not taken sets steps()
  // back.
  void enqueue_step(const DenseBatch& batch, std::uint32_t* halted);
  const float* loss() const { return loss_; }
  float steps() const { return optimizer_.steps(); }
  void set_steps(float steps) { optimizer_.set_steps(steps); }
  // Starts a prediction of at most kMostPredicted rows in stream(), which ends with a copy of the logits to the host.
  static constexpr std::size_t kMostPredicted = 16384;  // at a time: bounds the memory that it takes
  void enqueue_predict(const float* dense, const float* embeddings, std::size_t rows, float* host_logits) const;
  const Stream& stream() const { return stream_; }

  void read_parameters(float* to) const override;
  void read_state(float* to) const override;
  void read_idle(float* to) const override;

 private:
  // An op that has something to do, and its plan for the masks and zeros of the gradients.
  struct Step {
    const NodePlan* plan;
    std::unique_ptr<DeviceOp> op;
  };

  double run_step(const float* dense, const float* embeddings, const float* labels, std::size_t batch,
                  float* gradient) override;
  void run_predict(const float* dense, const float* embeddings, std::size_t batch, float* logits) const override;
  void store_parameters(const float* values) override;
  void store_state(const float* values) override;

  std::vector<Step> make_steps();
  // A pass of so many rows, and the room for it.
  Pass reserve_pass(std::uint32_t rows) const;
  void forward(const Pass& pass) const;
  void backward(const Pass& pass) const;

  Stream stream_;
  Plan plan_;
  GradientRoom gradient_room_;
  std::vector<Step> steps_;
  DeviceArray<float> parameters_, gradients_;
  DenseOptimizer optimizer_;
  const float* loss_ = nullptr;  // of the step in hand
  // Room, kept between calls.
  mutable DeviceArray<float> work_, dense_, embeddings_;
  DeviceArray<float> labels_, vector_gradient_;
};

}  // namespace collide::cuda
