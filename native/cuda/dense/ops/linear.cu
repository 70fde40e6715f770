#include "core/dense/ops/linear.h"

#include "cuda/dense/op.cuh"

namespace collide::cuda {

namespace {

class Linear final : public DeviceOp {
 public:
  explicit Linear(const OpContext& op)
      : placed_(op.place_layer()),
        relu_(op.plan().relu),
        ends_(&op.head().nodes()[op.head().logit()] == &op.node()),
        input_(op.input(0)),
        value_(op.value()),
        gradient_(op.gradient()),
        input_gradient_(op.input_gradient(0)) {
    const GradientPlan& plan = op.plan().gradients[0];
    mode_ = plan.mask ? InputGradient::kMask : plan.add ? InputGradient::kAdd : InputGradient::kWrite;
  }

  void forward(const Pass& pass) const override {
    const DeviceLayer layer = placed_.layer(pass);
    if (ends_ && !pass.predicts()) {
      // The logit and its loss are one launch.
      launch_layer_loss(layer, input_.rows(pass), value_.rows(pass), pass.rows, {pass.labels, pass.scale, pass.losses},
                        pass.stream);
    } else {
      launch_layer_forward(layer, input_.rows(pass), value_.rows(pass), pass.rows, relu_, pass.stream);
    }
  }

  void backward(const Pass& pass) const override {
    const Rows gradient = gradient_.rows(pass);
    launch_placed_weights(placed_, pass, gradient, input_.rows(pass));
    if (!input_gradient_) return;
    launch_layer_backward_input(placed_.layer(pass), gradient, input_gradient_.rows(pass), pass.rows, mode_,
                                pass.stream);
  }

 private:
  OpContext::PlacedLayer placed_;
  bool relu_, ends_;
  InputGradient mode_;
  DeviceSlot input_, value_, gradient_, input_gradient_;
};

}  // namespace

std::unique_ptr<DeviceOp> make_linear(const OpContext& op) {
  return std::make_unique<Linear>(op);
}

}  // namespace collide::cuda
