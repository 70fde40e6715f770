#include "core/dense/ops/loss.h"

#include "core/dense/ops/linear.h"
#include "cuda/dense/loss.cuh"
#include "cuda/dense/op.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

// logits [rows] become scale * d loss / d logit; losses: as gemm.cuh says.
__global__ void __launch_bounds__(kLossRows)
    loss_of_logits(Rows logits, const float* labels, float scale, float* losses, std::uint32_t rows) {
  const std::size_t row = std::size_t{blockIdx.x} * kLossRows + threadIdx.x;
  float value = 0;
  if (row < rows) {
    float& logit = logits.data[row * logits.pitch];
    const Loss loss = loss_of(logit, __ldg(labels + row));
    value = loss.value;
    logit = loss.slope * scale;
  }
  value = block_sum<kLossRows>(value);
  if (threadIdx.x == 0) losses[blockIdx.x] = value;
}

class LossOp final : public DeviceOp {
 public:
  explicit LossOp(const OpContext& op)
      : logit_(op.input(0)), done_(op.head().nodes()[op.node().inputs[0]].kind == &linear_op) {}

  void forward(const Pass& pass) const override {
    if (done_ || pass.predicts()) return;  // a linear op does this together with its product
    loss_of_logits<<<(pass.rows + kLossRows - 1) / kLossRows, kLossRows, 0, pass.stream>>>(
        logit_.rows(pass), pass.labels, pass.scale, pass.losses, pass.rows);
    check(cudaGetLastError(), "launch the loss");
  }

  void backward(const Pass&) const override {}  // the gradient is where the logit was

 private:
  DeviceSlot logit_;
  bool done_;
};

}  // namespace

std::unique_ptr<DeviceOp> make_loss(const OpContext& op) {
  return std::make_unique<LossOp>(op);
}

}  // namespace collide::cuda
