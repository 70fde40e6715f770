#include "core/dense/ops/sum.h"

#include "cpu/dense/lanes.h"
#include "cpu/dense/op.h"
#include "cpu/dense/simd.h"

namespace collide {

namespace {

// to = (to +) the sum over features of from.
struct Forward {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& from, std::size_t features, const Lanes& to, std::size_t groups,
                                 bool add) {
    using S = Simd<kBytes>;
    for (std::size_t g = 0; g < groups; ++g) {
      float* const out = to.data + g * to.group;
      for (std::size_t lane = 0; lane < kLanes; lane += S::kWidth) {
        typename S::Vec sum = {};
        for (std::size_t f = 0; f < features; ++f) sum += S::load(from.data + g * from.group + f * kLanes + lane);
        S::store(out + lane, add ? S::load(out + lane) + sum : sum);
      }
    }
  }
};

class Sum final : public CpuOp {
 public:
  explicit Sum(const OpContext& op) : value_(op.slot(op.plan().value)), gradient_(op.slot(op.plan().gradient)) {
    for (std::size_t i = 0; i < op.plan().inputs.size(); ++i) {
      const GradientPlan& plan = op.plan().gradients[i];
      inputs_.push_back({op.slot(op.plan().inputs[i]), op.slot(plan.place), plan.add});
    }
  }

  void forward(const Block& block) const override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      dispatch<Forward>(inputs_[i].value.lanes(block), inputs_[i].value.features, value_.lanes(block), block.groups,
                        i > 0);
    }
  }

  void backward(Block& block) const override {
    for (const Input& input : inputs_) {
      if (!input.gradient.exists) continue;
      spread_lanes(gradient_.lanes(block), input.gradient.lanes(block), input.gradient.features, block.groups,
                   input.add);
    }
  }

 private:
  struct Input {
    Slot value, gradient;
    bool add;
  };
  std::vector<Input> inputs_;
  Slot value_, gradient_;
};

}  // namespace

std::unique_ptr<CpuOp> make_sum(const OpContext& op) {
  return std::make_unique<Sum>(op);
}

}  // namespace collide
