// An op of a head on a CUDA device: what it does with a batch. One file an op in cuda/dense/ops.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/dense/plan.h"
#include "cuda/dense/gemm.cuh"
#include "cuda/dense/optimizer.cuh"

namespace collide::cuda {

// A batch on its way through the ops. All arrays are in device memory.
struct Pass {
  std::uint32_t rows;
  cudaStream_t stream;
  std::vector<Rows> regions;  // of the plan
  const float* parameters;
  Rows dense, vectors;
  // A step's, not a prediction's:
  const float* labels = nullptr;
  float scale = 0;             // of the gradient: 1 / rows
  float* losses = nullptr;     // [ceil(rows / kLossRows)], written
  float* gradients = nullptr;  // of the parameters, where OpContext::add_tensors put them
  Rows vector_gradient{};
  bool predicts() const { return labels == nullptr; }
};

// Where a place of the plan is.
struct DeviceSlot {
  Place place;
  bool dense = false;     // in a batch: the dense inputs
  bool gradient = false;  // in a batch: the vectors' gradient
  explicit operator bool() const { return static_cast<bool>(place); }
  Rows rows(const Pass& pass) const;
};

// Where the gradients of all parameters go, shards and all.
struct GradientRoom {
  std::size_t floats = 0;
  std::vector<DenseTensor> tensors;
};

// What an op is made of.
class OpContext {
 public:
  OpContext(const Head& head, const Plan& plan, GradientRoom& room, std::size_t node)
      : head_(&head), plan_(&plan), room_(&room), node_(node) {}

  const Node& node() const { return head_->nodes()[node_]; }
  const NodePlan& plan() const { return plan_->nodes[node_]; }
  const Head& head() const { return *head_; }

  DeviceSlot value() const { return {plan().value}; }
  DeviceSlot gradient() const { return {plan().gradient, false, true}; }
  // Input i where the op finds it; where the op behind it left it; and its gradient, if wanted.
  DeviceSlot input(std::size_t i) const;
  DeviceSlot source(std::size_t i) const;
  DeviceSlot input_gradient(std::size_t i) const { return {plan().gradients[i].place, false, true}; }

  // The layer of a node with weights and bias, or a bias alone, and where the shards of its gradient begin.
  struct PlacedLayer {
    std::uint32_t inputs, outputs, shards;
    std::size_t weights, bias, gradient;
    DeviceLayer layer(const Pass& pass) const {
      return {inputs, outputs, pass.parameters + weights, pass.parameters + bias};
    }
  };
  PlacedLayer place_layer() const;

 private:
  const Head* head_;
  const Plan* plan_;
  GradientRoom* room_;
  std::size_t node_;
};

// Methods only start what they do.
class DeviceOp {
 public:
  virtual ~DeviceOp() = default;
  virtual void forward(const Pass& pass) const = 0;
  // Expects the gradient of its value; writes those of its inputs and of its parameters.
  virtual void backward(const Pass& pass) const = 0;
};

// Adds to the gradient of a layer's weights and bias, see gemm.cuh.
void launch_placed_weights(const OpContext::PlacedLayer& layer, const Pass& pass, Rows output_gradient, Rows input);

// The ops, one file each.
std::unique_ptr<DeviceOp> make_columns(const OpContext& op);
std::unique_ptr<DeviceOp> make_concat(const OpContext& op);
std::unique_ptr<DeviceOp> make_constant(const OpContext& op);
std::unique_ptr<DeviceOp> make_dots(const OpContext& op);
std::unique_ptr<DeviceOp> make_fm(const OpContext& op);
std::unique_ptr<DeviceOp> make_linear(const OpContext& op);
std::unique_ptr<DeviceOp> make_loss(const OpContext& op);
std::unique_ptr<DeviceOp> make_relu(const OpContext& op);
std::unique_ptr<DeviceOp> make_sum(const OpContext& op);

// The op of a node of the head. Throws Error NOT_SUPPORTED.
std::unique_ptr<DeviceOp> make_op(const OpContext& op);

}  // namespace collide::cuda
