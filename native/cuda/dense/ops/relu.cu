// A ReLU that stands alone; those behind a linear op are a part of it.
#include "core/dense/ops/relu.h"

#include "cuda/dense/op.cuh"
#include "cuda/dense/rows.cuh"

namespace collide::cuda {

namespace {

class Relu final : public DeviceOp {
 public:
  explicit Relu(const OpContext& op)
      : size_(static_cast<std::uint32_t>(op.node().shape.size())),
        input_(op.input(0)),
        value_(op.value()),
        gradient_(op.gradient()),
        input_gradient_(op.input_gradient(0)),
        add_(op.plan().gradients[0].add) {}

  void forward(const Pass& pass) const override {
    launch_each(Each::kRelu, input_.rows(pass), value_.rows(pass), pass.rows, size_, pass.stream);
  }

  void backward(const Pass& pass) const override {
    if (!input_gradient_) return;
    launch_relu_backward(input_.rows(pass), gradient_.rows(pass), input_gradient_.rows(pass), add_, pass.rows, size_,
                         pass.stream);
  }

 private:
  std::uint32_t size_;
  DeviceSlot input_, value_, gradient_, input_gradient_;
  bool add_;
};

}  // namespace

std::unique_ptr<DeviceOp> make_relu(const OpContext& op) {
  return std::make_unique<Relu>(op);
}

}  // namespace collide::cuda
