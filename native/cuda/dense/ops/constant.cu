// A layer of no inputs, whose bias is the constant.
#include "core/dense/ops/constant.h"

#include "cuda/dense/op.cuh"

namespace collide::cuda {

namespace {

class Constant final : public DeviceOp {
 public:
  explicit Constant(const OpContext& op) : placed_(op.place_layer()), value_(op.value()), gradient_(op.gradient()) {}

  void forward(const Pass& pass) const override {
    launch_layer_forward(placed_.layer(pass), {pass.dense.data, 0}, value_.rows(pass), pass.rows, false, pass.stream);
  }

  void backward(const Pass& pass) const override {
    launch_placed_weights(placed_, pass, gradient_.rows(pass), {pass.dense.data, 0});
  }

 private:
  OpContext::PlacedLayer placed_;
  DeviceSlot value_, gradient_;
};

}  // namespace

std::unique_ptr<DeviceOp> make_constant(const OpContext& op) {
  return std::make_unique<Constant>(op);
}

}  // namespace collide::cuda
