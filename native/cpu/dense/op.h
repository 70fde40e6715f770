// An op of a head on the CPU: what it does with a block of rows. One file an op in cpu/dense/ops.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/dense/plan.h"
#include "cpu/dense/gemm.h"

namespace collide {

// A block of rows at work. Arrays of the batch begin at the block's first row.
struct Block {
  std::size_t rows, groups;  // groups of 16 rows
  float* room;               // the regions of the plan
  float* scratch;
  const float* parameters;
  const float* dense;
  const float* vectors;
  // Backward only:
  const float* labels = nullptr;
  float scale = 0;  // of the gradient: 1 / rows of the batch
  float* parameter_gradient = nullptr;
  float* vector_gradient = nullptr;
  double loss = 0;  // the sum of the rows'
};

// Where a place of the plan is in the room.
struct Slot {
  std::size_t at = 0, group = 0, features = 0;
  bool exists = false;
  Lanes lanes(const Block& block) const { return {block.room + at, group}; }
};

// What an op is made of.
class OpContext {
 public:
  // `starts`: of the regions, in the room. Keeps references.
  OpContext(const Head& head, const Plan& plan, const std::vector<std::size_t>& starts, std::size_t node)
      : head_(&head), plan_(&plan), starts_(&starts), node_(node) {}

  const Node& node() const { return head_->nodes()[node_]; }
  const NodePlan& plan() const { return plan_->nodes[node_]; }
  const NodePlan& plan_of_input(std::size_t i) const { return plan_->nodes[node().inputs[i]]; }
  Slot slot(const Place& place) const;
  bool copies_inputs() const;
  // Copies the inputs that the plan says are copied to where the op finds them.
  void copy_inputs(const Block& block) const;

 private:
  const Head* head_;
  const Plan* plan_;
  const std::vector<std::size_t>* starts_;
  std::size_t node_;
};

class CpuOp {
 public:
  virtual ~CpuOp() = default;
  virtual void forward(const Block& block) const = 0;
  // Expects the gradient of its value; writes those of its inputs and adds to those of its parameters.
  virtual void backward(Block& block) const = 0;
  // Floats that it needs.
  virtual std::size_t scratch() const { return 0; }
};

// Rows of a block, at most; groups of 16.
inline constexpr std::size_t kBlockRows = 128, kBlockGroups = kBlockRows / kLanes;

// The ops, one file each.
std::unique_ptr<CpuOp> make_columns(const OpContext& op);
std::unique_ptr<CpuOp> make_concat(const OpContext& op);
std::unique_ptr<CpuOp> make_constant(const OpContext& op);
std::unique_ptr<CpuOp> make_dots(const OpContext& op);
std::unique_ptr<CpuOp> make_fm(const OpContext& op);
std::unique_ptr<CpuOp> make_linear(const OpContext& op);
std::unique_ptr<CpuOp> make_loss(const OpContext& op);
std::unique_ptr<CpuOp> make_relu(const OpContext& op);
std::unique_ptr<CpuOp> make_sum(const OpContext& op);
// The inputs of a head.
std::unique_ptr<CpuOp> make_dense_input(const OpContext& op);
std::unique_ptr<CpuOp> make_vectors_input(const OpContext& op);

// The op of a node of the head. Throws Error NOT_SUPPORTED.
std::unique_ptr<CpuOp> make_op(const OpContext& op, std::size_t node);

}  // namespace collide
