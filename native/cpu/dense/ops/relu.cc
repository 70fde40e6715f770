// A ReLU that stands alone; those behind a linear op are a part of it.
#include "core/dense/ops/relu.h"

#include "cpu/dense/op.h"
#include "cpu/dense/simd.h"

namespace collide {

namespace {

struct Forward {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& in, const Lanes& out, std::size_t features, std::size_t groups) {
    using S = Simd<kBytes>;
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t i = 0; i < features * kLanes; i += S::kWidth) {
        S::store(out.data + g * out.group + i, S::relu(S::load(in.data + g * in.group + i)));
      }
    }
  }
};

// to (+)= gradient where the input is above 0.
struct Backward {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& in, const Lanes& gradient, const Lanes& to, std::size_t features,
                                 std::size_t groups, bool add) {
    using S = Simd<kBytes>;
    using Vec = typename S::Vec;
    for (std::size_t g = 0; g < groups; ++g) {
      float* const target = to.data + g * to.group;
      for (std::size_t i = 0; i < features * kLanes; i += S::kWidth) {
        const Vec value =
            S::load(in.data + g * in.group + i) > Vec{} ? S::load(gradient.data + g * gradient.group + i) : Vec{};
        S::store(target + i, add ? S::load(target + i) + value : value);
      }
    }
  }
};

class Relu final : public CpuOp {
 public:
  explicit Relu(const OpContext& op)
      : input_(op.slot(op.plan().inputs[0])),
        value_(op.slot(op.plan().value)),
        gradient_(op.slot(op.plan().gradient)),
        input_gradient_(op.slot(op.plan().gradients[0].place)),
        add_(op.plan().gradients[0].add) {}

  void forward(const Block& block) const override {
    dispatch<Forward>(input_.lanes(block), value_.lanes(block), value_.features, block.groups);
  }

  void backward(Block& block) const override {
    if (!input_gradient_.exists) return;
    dispatch<Backward>(input_.lanes(block), gradient_.lanes(block), input_gradient_.lanes(block), value_.features,
                       block.groups, add_);
  }

 private:
  Slot input_, value_, gradient_, input_gradient_;
  bool add_;
};

}  // namespace

std::unique_ptr<CpuOp> make_relu(const OpContext& op) {
  return std::make_unique<Relu>(op);
}

}  // namespace collide
