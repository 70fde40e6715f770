#include "core/dense/head.h"

#include <algorithm>

#include "core/dense/ops/columns.h"
#include "core/dense/ops/dots.h"
#include "core/dense/ops/fm.h"
#include "core/dense/ops/index.h"
#include "core/dense/ops/linear.h"
#include "core/dense/ops/loss.h"
#include "core/dense/ops/sum.h"

namespace collide {

namespace {

constexpr std::size_t kMostOps = 1024, kMostFeatures = std::size_t{1} << 21;
constexpr std::size_t kMostParameters = std::size_t{1} << 28;

const OpKind input{.name = "input", .least_inputs = 0, .most_inputs = 0, .numbers = {}, .shape = {}, .evaluate = {}};

Node input_node(const char* name, const Shape& shape) {
  Node node;
  node.kind = &input;
  node.op.name = name;
  node.shape = shape;
  node.trained = shape.vectors > 0 && std::string(name) == "vectors";
  return node;
}

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

}  // namespace

Head::Head(std::size_t dense, std::size_t vectors, std::size_t dim, const std::vector<HeadOp>& ops) {
  if (ops.empty() || ops.size() > kMostOps) {
    fail("INVALID_ARGUMENT", "Expected from 1 to ", kMostOps, " ops for a head, received ", ops.size());
  }
  nodes_.reserve(ops.size() + 2);
  nodes_.push_back(input_node("dense", {1, dense}));
  nodes_.push_back(input_node("vectors", {vectors, dim}));
  for (const HeadOp& op : ops) add(op);
  check_ends();
  check_columns();
}

void Head::add(const HeadOp& op) {
  Node node;
  node.op = op;
  const auto named = [&](const std::string& name) {
    return std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& other) { return other.op.name == name; });
  };
  if (op.name.empty() || named(op.name) != nodes_.end()) refuse(node, "a name of its own", quoted(op.name));
  node.kind = &op_kind(op.op, "op " + quoted(op.name));
  for (const auto& [name, value] : op.numbers) {
    const auto& known = node.kind->numbers;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      refuse(node, "options that the op has", quoted(name));
    }
  }
  for (const std::string& name : node.kind->numbers) {
    if (!op.numbers.contains(name)) refuse(node, "a number for " + name, "none");
  }
  if (op.from.size() < node.kind->least_inputs || op.from.size() > node.kind->most_inputs) {
    const std::size_t least = node.kind->least_inputs, most = node.kind->most_inputs;
    refuse(node, (least == most ? "" : std::to_string(least) + " to ") + std::to_string(most) + " names in from",
           op.from.size());
  }
  for (const std::string& name : op.from) {
    const auto from = named(name);
    if (from == nodes_.end()) refuse(node, "names of earlier ops, \"dense\" or \"vectors\" in from", quoted(name));
    if (from->kind == &loss_op) refuse(node, "no loss in from", quoted(name));
    if (from->shape.size() == 0) refuse(node, "an input that is not empty", quoted(name));
    from->readers.push_back(nodes_.size());
    node.inputs.push_back(static_cast<std::size_t>(from - nodes_.begin()));
    node.input_shapes.push_back(from->shape);
    node.trained = node.trained || from->trained;
  }
  node.kind->shape(node);
  if (node.shape.size() > kMostFeatures) {
    refuse(node, "an output at most " + std::to_string(kMostFeatures) + " wide", node.shape.size());
  }
  for (ParameterTensor& tensor : node.tensors) {
    tensor.start = parameter_count_;
    parameter_count_ += tensor.size();
    if (parameter_count_ <= kMostParameters) continue;
    refuse(node, "at most " + std::to_string(kMostParameters) + " parameters in a dense net", parameter_count_);
  }
  node.trained = node.trained || !node.tensors.empty();
  nodes_.push_back(std::move(node));
}

// Everything ends in the one loss.
void Head::check_ends() const {
  const Node& last = nodes_.back();
  if (last.kind != &loss_op) refuse(last, "a loss as the last op", quoted(last.op.op));
  // An engine keeps the logits by themselves.
  const Node& logit = nodes_[last.inputs[0]];
  const auto kinds = {&linear_op, &dots_op, &fm_op, &sum_op};
  if (std::find(kinds.begin(), kinds.end(), logit.kind) == kinds.end()) {
    refuse(last, "the name of a linear, dots, fm or sum op in from", quoted(logit.op.name));
  }
  for (std::size_t n = 0; n + 1 < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    if (!node.readers.empty() || (n == kDense && node.shape.size() == 0)) continue;
    if (node.kind == &loss_op) refuse(node, "one loss, the last op", "another");
    if (n == kDense || n == kVectors) {
      fail("INVALID_ARGUMENT", "Expected an op of the head that reads ", quoted(node.op.name), ", received none");
    }
    refuse(node, "another op that reads it", "none");
  }
}

// The gradient of every column comes from one place.
void Head::check_columns() const {
  const Node& vectors = nodes_[kVectors];
  std::vector<bool> taken(vectors.shape.width);
  bool some = false;
  for (const std::size_t reader : vectors.readers) some = some || nodes_[reader].kind == &columns_op;
  if (!some) return;
  for (const std::size_t reader : vectors.readers) {
    const Node& node = nodes_[reader];
    if (node.kind != &columns_op) refuse(node, "no \"vectors\" in from, whose columns other ops take", "it");
    const std::size_t first = node.op.numbers.at("first"), count = node.op.numbers.at("count");
    for (std::size_t column = first; column < first + count; ++column) {
      if (taken[column]) refuse(node, "columns that no other op takes", "column " + std::to_string(column));
      taken[column] = true;
    }
  }
  const auto missing = std::find(taken.begin(), taken.end(), false);
  if (missing == taken.end()) return;
  fail("INVALID_ARGUMENT", "Expected ops of the head that take every column of the vectors, received none for column ",
       missing - taken.begin());
}

std::vector<ParameterTensor> Head::tensors() const {
  std::vector<ParameterTensor> all;
  for (const Node& node : nodes_) all.insert(all.end(), node.tensors.begin(), node.tensors.end());
  return all;
}

std::optional<std::size_t> Head::bias_of(std::size_t n) const {
  const Node& node = nodes_[n];
  if (node.kind == &linear_op && node.shape.size() == 1) return node.tensors[1].start;
  if (node.kind != &sum_op) return std::nullopt;
  for (const std::size_t input : node.inputs) {
    if (const auto bias = bias_of(input)) return bias;
  }
  return std::nullopt;
}

}  // namespace collide
