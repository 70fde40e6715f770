#include "cpu/dense/op.h"

#include <algorithm>

#include "core/dense/ops/columns.h"
#include "core/dense/ops/concat.h"
#include "core/dense/ops/constant.h"
#include "core/dense/ops/dots.h"
#include "core/dense/ops/fm.h"
#include "core/dense/ops/index.h"
#include "core/dense/ops/linear.h"
#include "core/dense/ops/loss.h"
#include "core/dense/ops/relu.h"
#include "core/dense/ops/sum.h"
#include "cpu/dense/lanes.h"

namespace collide {

namespace {

using Make = std::unique_ptr<CpuOp> (*)(const OpContext&);

const std::vector<std::pair<const OpKind*, Make>> makers = {
    {&columns_op, make_columns}, {&concat_op, make_concat}, {&constant_op, make_constant},
    {&dots_op, make_dots},       {&fm_op, make_fm},         {&linear_op, make_linear},
    {&loss_op, make_loss},       {&relu_op, make_relu},     {&sum_op, make_sum},
};

}  // namespace

Slot OpContext::slot(const Place& place) const {
  if (place.in != Place::In::kRegion) return {};
  return {(*starts_)[place.region] + place.first * kLanes, plan_->regions[place.region] * kLanes, place.size, true};
}

bool OpContext::copies_inputs() const {
  const std::vector<bool>& copied = plan().copied;
  return std::find(copied.begin(), copied.end(), true) != copied.end();
}

void OpContext::copy_inputs(const Block& block) const {
  for (std::size_t i = 0; i < plan().inputs.size(); ++i) {
    if (!plan().copied[i]) continue;
    const Slot from = slot(plan_of_input(i).value), to = slot(plan().inputs[i]);
    copy_lanes(from.lanes(block), to.lanes(block), to.features, block.groups, false);
  }
}

std::unique_ptr<CpuOp> make_op(const OpContext& op, std::size_t node) {
  if (node == Head::kDense) return make_dense_input(op);
  if (node == Head::kVectors) return make_vectors_input(op);
  const Make* make = of_kind(makers, op.node().kind);
  if (make == nullptr) fail("NOT_SUPPORTED", "Expected an op that the CPU has, received \"", op.node().op.op, "\"");
  return (*make)(op);
}

}  // namespace collide
