#include "cpu/dense/ops/loss.h"

#include <algorithm>

#include "cpu/dense/op.h"
#include "cpu/dense/simd.h"

namespace collide {

namespace {

// exp(x) for x <= 0, about 1 ulp; below -87 the result stays at exp(-87) = 1.6e-38. NaN gives NaN.
template <int kBytes>
COLLIDE_INLINE typename Simd<kBytes>::Vec exp_negative(const typename Simd<kBytes>::Vec& wanted) {
  using Vec = typename Simd<kBytes>::Vec;
  using Bits = typename Simd<kBytes>::Bits;
  constexpr float round = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  const Vec x = wanted < -87.0f ? Vec{} - 87.0f : wanted;
  const Vec shifted = x * 1.44269504f + round;
  const Vec n = shifted - round;
  const Vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts: r is exact enough
  Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;            // the polynomial of Cephes' expf
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * reinterpret_cast<Vec>((reinterpret_cast<Bits>(shifted) + 127u) << 23);
}

// log(1 + e) for e in [0, 1] as 2 artanh(e / (2 + e)): full relative precision down to tiny e.
template <int kBytes>
COLLIDE_INLINE typename Simd<kBytes>::Vec log1p_unit(const typename Simd<kBytes>::Vec& e) {
  using Vec = typename Simd<kBytes>::Vec;
  const Vec s = e / (e + 2.0f), q = s * s;
  Vec p = q * (1.0f / 15) + 1.0f / 13;
  p = p * q + 1.0f / 11;
  p = p * q + 1.0f / 9;
  p = p * q + 1.0f / 7;
  p = p * q + 1.0f / 5;
  p = p * q + 1.0f / 3;
  return s * 2.0f * (p * q + 1.0f);
}

struct Backward {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& logits, const float* labels, std::size_t rows, float scale,
                                 double* total) {
    using S = Simd<kBytes>;
    using Vec = typename S::Vec;
    double sum = 0;
    for (std::size_t g = 0; g * kLanes < rows; ++g) {
      float* x = logits.data + g * logits.group;
      const std::size_t here = std::min(kLanes, rows - g * kLanes);
      alignas(64) float y[kLanes] = {}, losses[kLanes];
      std::copy_n(labels + g * kLanes, here, y);
      for (std::size_t lane = 0; lane < kLanes; lane += S::kWidth) {
        const Vec logit = S::load(x + lane);
        const auto positive = S::load(y + lane) > 0.5f;
        const Vec z = positive ? -logit : logit;  // the loss rises with z
        const Vec e = exp_negative<kBytes>(z > Vec{} ? -z : z);
        const Vec inverse = 1.0f / (e + 1.0f);
        S::store(losses + lane, S::relu(z) + log1p_unit<kBytes>(e));
        const Vec slope = (z < Vec{} ? e * inverse : inverse) * scale;  // sigmoid(z), precise on both sides
        S::store(x + lane, positive ? -slope : slope);
      }
      for (std::size_t r = 0; r < here; ++r) sum += losses[r];
      for (std::size_t r = here; r < kLanes; ++r) x[r] = 0.0f;
    }
    *total = sum;
  }
};

class Loss final : public CpuOp {
 public:
  explicit Loss(const OpContext& op) : logit_(op.slot(op.plan().inputs[0])) {}

  void forward(const Block&) const override {}

  void backward(Block& block) const override {
    // The plan has the gradient where the logit was: nothing else reads it.
    block.loss = loss_backward(logit_.lanes(block), block.labels, block.rows, block.scale);
  }

 private:
  Slot logit_;
};

}  // namespace

double loss_backward(Lanes logits, const float* labels, std::size_t rows, float scale) {
  double total = 0;
  dispatch<Backward>(logits, labels, rows, scale, &total);
  return total;
}

std::unique_ptr<CpuOp> make_loss(const OpContext& op) {
  return std::make_unique<Loss>(op);
}

}  // namespace collide
