#include "core/dense/ops/columns.h"

#include "cpu/dense/lanes.h"
#include "cpu/dense/op.h"

namespace collide {

namespace {

// Loads columns of the batch's vectors, and stores their gradients there.
class LoadedVectors final : public CpuOp {
 public:
  LoadedVectors(const OpContext& op, const Columns& columns)
      : columns_(columns), value_(op.slot(op.plan().value)), gradient_(op.slot(op.plan().gradient)) {}

  void forward(const Block& block) const override {
    load_rows(block.vectors, block.rows, columns_, value_.lanes(block));
  }

  void backward(Block& block) const override {
    if (gradient_.exists) store_rows(gradient_.lanes(block), block.rows, columns_, block.vector_gradient);
  }

 private:
  Columns columns_;
  Slot value_, gradient_;
};

class LoadedDense final : public CpuOp {
 public:
  explicit LoadedDense(const OpContext& op)
      : columns_{1, op.node().shape.size(), 0, op.node().shape.size()}, value_(op.slot(op.plan().value)) {}

  void forward(const Block& block) const override { load_rows(block.dense, block.rows, columns_, value_.lanes(block)); }

  void backward(Block&) const override {}

 private:
  Columns columns_;
  Slot value_;
};

}  // namespace

std::unique_ptr<CpuOp> make_columns(const OpContext& op) {
  const Node& node = op.node();
  const auto [vectors, dim] = node.input_shapes[0];
  return std::make_unique<LoadedVectors>(op, Columns{vectors, dim, node.op.numbers.at("first"), node.shape.width});
}

std::unique_ptr<CpuOp> make_vectors_input(const OpContext& op) {
  const std::size_t width = op.node().shape.size();
  return std::make_unique<LoadedVectors>(op, Columns{1, width, 0, width});
}

std::unique_ptr<CpuOp> make_dense_input(const OpContext& op) {
  return std::make_unique<LoadedDense>(op);
}

}  // namespace collide
