#include "core/dense/ops/fm.h"

#include "cpu/dense/op.h"
#include "cpu/dense/simd.h"

namespace collide {

namespace {

// Columns at a time: their sums do not wait for each other.
constexpr std::size_t kColumns = 4;

struct Forward {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& from, std::size_t vectors, std::size_t width, const Lanes& to,
                                 std::size_t groups) {
    using S = Simd<kBytes>;
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t lane = 0; lane < kLanes; lane += S::kWidth) {
        typename S::Vec sum[kColumns] = {};
        for (std::size_t d = 0; d < width; d += kColumns) {
          const std::size_t columns = width - d < kColumns ? width - d : kColumns;
          typename S::Vec before[kColumns] = {};
          const float* x = from.data + g * from.group + d * kLanes + lane;
          for (std::size_t v = 0; v < vectors; ++v, x += width * kLanes) {
            for (std::size_t c = 0; c < columns; ++c) {
              const auto value = S::load(x + c * kLanes);
              sum[c] += value * before[c];
              before[c] += value;
            }
          }
        }
        S::store(to.data + g * to.group + lane, (sum[0] + sum[1]) + (sum[2] + sum[3]));
      }
    }
  }
};

// to (+)= gradient * (the sum over all vectors - the vector)
struct Backward {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& from, std::size_t vectors, std::size_t width, const Lanes& gradient,
                                 const Lanes& to, std::size_t groups, bool add) {
    using S = Simd<kBytes>;
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t lane = 0; lane < kLanes; lane += S::kWidth) {
        const auto slope = S::load(gradient.data + g * gradient.group + lane);
        for (std::size_t d = 0; d < width; ++d) {
          const float* const x = from.data + g * from.group + d * kLanes + lane;
          float* const target = to.data + g * to.group + d * kLanes + lane;
          typename S::Vec all = {};
          for (std::size_t v = 0; v < vectors; ++v) all += S::load(x + v * width * kLanes);
          for (std::size_t v = 0; v < vectors; ++v) {
            const auto value = slope * (all - S::load(x + v * width * kLanes));
            float* const out = target + v * width * kLanes;
            S::store(out, add ? S::load(out) + value : value);
          }
        }
      }
    }
  }
};

class Fm final : public CpuOp {
 public:
  explicit Fm(const OpContext& op)
      : shape_(op.node().input_shapes[0]),
        input_(op.slot(op.plan().inputs[0])),
        value_(op.slot(op.plan().value)),
        gradient_(op.slot(op.plan().gradient)),
        input_gradient_(op.slot(op.plan().gradients[0].place)),
        add_(op.plan().gradients[0].add) {}

  void forward(const Block& block) const override {
    dispatch<Forward>(input_.lanes(block), shape_.vectors, shape_.width, value_.lanes(block), block.groups);
  }

  void backward(Block& block) const override {
    if (!input_gradient_.exists) return;
    dispatch<Backward>(input_.lanes(block), shape_.vectors, shape_.width, gradient_.lanes(block),
                       input_gradient_.lanes(block), block.groups, add_);
  }

 private:
  Shape shape_;
  Slot input_, value_, gradient_, input_gradient_;
  bool add_;
};

}  // namespace

std::unique_ptr<CpuOp> make_fm(const OpContext& op) {
  return std::make_unique<Fm>(op);
}

}  // namespace collide
