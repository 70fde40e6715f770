#include "cuda/dense/op.cuh"

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

namespace collide::cuda {

namespace {

using Make = std::unique_ptr<DeviceOp> (*)(const OpContext&);

const std::vector<std::pair<const OpKind*, Make>> makers = {
    {&columns_op, make_columns}, {&concat_op, make_concat}, {&constant_op, make_constant},
    {&dots_op, make_dots},       {&fm_op, make_fm},         {&linear_op, make_linear},
    {&loss_op, make_loss},       {&relu_op, make_relu},     {&sum_op, make_sum},
};

}  // namespace

Rows DeviceSlot::rows(const Pass& pass) const {
  if (!place) return {};
  if (place.in_batch()) return dense ? pass.dense : gradient ? pass.vector_gradient : pass.vectors;
  const Rows& region = pass.regions[place.region];
  return {region.data + place.first, region.pitch};
}

DeviceSlot OpContext::input(std::size_t i) const {
  return {plan().inputs[i], node().inputs[i] == Head::kDense};
}

DeviceSlot OpContext::source(std::size_t i) const {
  return {plan_->nodes[node().inputs[i]].value, node().inputs[i] == Head::kDense};
}

OpContext::PlacedLayer OpContext::place_layer() const {
  const ParameterTensor& bias = node().tensors.back();
  const bool any_weights = node().tensors.size() > 1;
  const std::size_t inputs = any_weights ? node().tensors[0].shape[0] : 0, outputs = bias.size();
  const std::size_t weights = inputs * outputs, pitch = weights + outputs;
  const auto narrow = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
  const std::uint32_t shards = layer_shards(narrow(inputs), narrow(outputs));
  const std::size_t at = room_->floats;
  if (any_weights) room_->tensors.push_back({node().tensors[0].start, weights, at, pitch, shards});
  room_->tensors.push_back({bias.start, outputs, at + weights, pitch, shards});
  room_->floats += (shards * pitch + 3) / 4 * 4;  // layers begin at multiples of 16 bytes
  return {narrow(inputs), narrow(outputs), shards, any_weights ? node().tensors[0].start : 0, bias.start, at};
}

void launch_placed_weights(const OpContext::PlacedLayer& layer, const Pass& pass, Rows output_gradient, Rows input) {
  launch_layer_backward_weights(layer.layer(pass), output_gradient, input, pass.rows,
                                batch_shards(layer.shards, pass.rows), pass.gradients + layer.gradient, pass.stream);
}

std::unique_ptr<DeviceOp> make_op(const OpContext& op) {
  const Make* make = of_kind(makers, op.node().kind);
  if (make == nullptr) fail("NOT_SUPPORTED", "Expected an op that CUDA has, received \"", op.node().op.op, "\"");
  return (*make)(op);
}

}  // namespace collide::cuda
