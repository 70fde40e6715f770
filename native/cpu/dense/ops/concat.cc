// Only the copies of what cannot stand side by side from the start: see core/dense/plan.h.
#include "core/dense/ops/concat.h"

#include "cpu/dense/lanes.h"
#include "cpu/dense/op.h"

namespace collide {

namespace {

class Concat final : public CpuOp {
 public:
  explicit Concat(const OpContext& op) : op_(op) {
    const Slot gradient = op.slot(op.plan().gradient);
    for (std::size_t i = 0, first = 0; i < op.plan().inputs.size(); first += op.node().input_shapes[i++].size()) {
      const GradientPlan& plan = op.plan().gradients[i];
      if (!op.plan().copied[i] || !plan.place) continue;
      Slot from = gradient;
      from.at += first * kLanes;
      back_.push_back({from, op.slot(plan.place), plan.add});
    }
  }

  void forward(const Block& block) const override { op_.copy_inputs(block); }

  void backward(Block& block) const override {
    for (const Back& back : back_) {
      copy_lanes(back.from.lanes(block), back.to.lanes(block), back.to.features, block.groups, back.add);
    }
  }

 private:
  struct Back {
    Slot from, to;
    bool add;
  };
  OpContext op_;
  std::vector<Back> back_;
};

}  // namespace

std::unique_ptr<CpuOp> make_concat(const OpContext& op) {
  return std::make_unique<Concat>(op);
}

}  // namespace collide
