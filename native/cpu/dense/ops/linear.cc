#include "cpu/dense/op.h"

namespace collide {

namespace {

class Linear final : public CpuOp {
 public:
  explicit Linear(const OpContext& op)
      : inputs_(op.node().input_shapes[0].size()),
        outputs_(op.node().shape.size()),
        weights_(op.node().tensors[0].start),
        bias_(op.node().tensors[1].start),
        relu_(op.plan().relu),
        input_(op.slot(op.plan().inputs[0])),
        value_(op.slot(op.plan().value)),
        gradient_(op.slot(op.plan().gradient)),
        input_gradient_(op.slot(op.plan().gradients[0].place)) {
    const GradientPlan& plan = op.plan().gradients[0];
    mode_ = plan.mask ? InputGradient::kMask : plan.add ? InputGradient::kAdd : InputGradient::kWrite;
  }

  std::size_t scratch() const override { return layer_scratch(inputs_, outputs_, kBlockGroups); }

  void forward(const Block& block) const override {
    layer_forward(layer(block), input_.lanes(block), value_.lanes(block), block.groups, relu_, block.scratch);
  }

  void backward(Block& block) const override {
    const Lanes gradient = gradient_.lanes(block);
    float* const sums = block.parameter_gradient;
    layer_backward_weights(layer(block), gradient, input_.lanes(block), block.groups, sums + weights_, sums + bias_,
                           block.scratch);
    if (!input_gradient_.exists) return;
    layer_backward_input(layer(block), gradient, input_gradient_.lanes(block), block.groups, mode_);
  }

 private:
  Layer layer(const Block& block) const {
    return {inputs_, outputs_, block.parameters + weights_, block.parameters + bias_};
  }

  std::size_t inputs_, outputs_, weights_, bias_;
  bool relu_;
  InputGradient mode_;
  Slot input_, value_, gradient_, input_gradient_;
};

}  // namespace

std::unique_ptr<CpuOp> make_linear(const OpContext& op) {
  return std::make_unique<Linear>(op);
}

}  // namespace collide
