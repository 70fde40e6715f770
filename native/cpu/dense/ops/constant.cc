#include "core/dense/ops/constant.h"

#include "cpu/dense/lanes.h"
#include "cpu/dense/op.h"

namespace collide {

namespace {

class Constant final : public CpuOp {
 public:
  explicit Constant(const OpContext& op)
      : start_(op.node().tensors[0].start), value_(op.slot(op.plan().value)), gradient_(op.slot(op.plan().gradient)) {}

  void forward(const Block& block) const override {
    fill_rows(block.parameters + start_, value_.features, block.groups, value_.lanes(block));
  }

  void backward(Block& block) const override {
    add_row_sums(gradient_.lanes(block), value_.features, block.groups, block.parameter_gradient + start_);
  }

 private:
  std::size_t start_;
  Slot value_, gradient_;
};

}  // namespace

std::unique_ptr<CpuOp> make_constant(const OpContext& op) {
  return std::make_unique<Constant>(op);
}

}  // namespace collide
