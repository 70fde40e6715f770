#include "core/dense/ops/columns.h"

#include "cuda/dense/op.cuh"
#include "cuda/dense/rows.cuh"

namespace collide::cuda {

namespace {

class ColumnsOp final : public DeviceOp {
 public:
  explicit ColumnsOp(const OpContext& op) : value_(op.value()), gradient_(op.gradient()) {
    const auto narrow = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
    const auto [vectors, dim] = op.node().input_shapes[0];
    columns_ = {narrow(vectors), narrow(dim), narrow(op.node().op.numbers.at("first")), narrow(op.node().shape.width)};
  }

  void forward(const Pass& pass) const override {
    launch_take_columns(columns_, pass.vectors, value_.rows(pass), pass.rows, pass.stream);
  }

  void backward(const Pass& pass) const override {
    launch_put_columns(columns_, gradient_.rows(pass), pass.vector_gradient, pass.rows, pass.stream);
  }

 private:
  Columns columns_;
  DeviceSlot value_, gradient_;
};

}  // namespace

std::unique_ptr<DeviceOp> make_columns(const OpContext& op) {
  return std::make_unique<ColumnsOp>(op);
}

}  // namespace collide::cuda
