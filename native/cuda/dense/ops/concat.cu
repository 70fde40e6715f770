// Only the copies of what cannot stand side by side from the start: see core/dense/plan.h.
#include "core/dense/ops/concat.h"

#include "cuda/dense/op.cuh"
#include "cuda/dense/rows.cuh"

namespace collide::cuda {

namespace {

class Concat final : public DeviceOp {
 public:
  explicit Concat(const OpContext& op) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < op.plan().inputs.size(); ++i) {
      const std::size_t size = op.node().input_shapes[i].size();
      if (op.plan().copied[i]) {
        DeviceSlot gradient = op.gradient();
        gradient.place.first += first;
        copies_.push_back({op.source(i), op.input(i), gradient, op.input_gradient(i), op.plan().gradients[i].add,
                           static_cast<std::uint32_t>(size)});
      }
      first += size;
    }
  }

  void forward(const Pass& pass) const override {
    for (const Copy& copy : copies_) {
      launch_each(Each::kCopy, copy.from.rows(pass), copy.to.rows(pass), pass.rows, copy.size, pass.stream);
    }
  }

  void backward(const Pass& pass) const override {
    for (const Copy& copy : copies_) {
      if (!copy.from_gradient) continue;
      launch_each(copy.add ? Each::kAdd : Each::kCopy, copy.to_gradient.rows(pass), copy.from_gradient.rows(pass),
                  pass.rows, copy.size, pass.stream);
    }
  }

 private:
  struct Copy {
    DeviceSlot from, to, to_gradient, from_gradient;
    bool add;
    std::uint32_t size;
  };
  std::vector<Copy> copies_;
};

}  // namespace

std::unique_ptr<DeviceOp> make_concat(const OpContext& op) {
  return std::make_unique<Concat>(op);
}

}  // namespace collide::cuda
