// A checked head: a list of ops, each of which reads earlier ones, from dense inputs and embedding vectors to one logit
// and its loss. DLRM, for example:
//
//   x0    = linear, relu, ... on the dense inputs, or, without them, a constant
//   dots  = dots of x0 and the vectors
//   z     = concat of x0 and the dots
//   logit = linear, relu, ..., linear on z
//   loss of the logit
//
// Parameters are those of the ops in the list's order.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/dense/op.h"

namespace collide {

class Head {
 public:
  // The two inputs come before the ops.
  static constexpr std::size_t kDense = 0, kVectors = 1;

  // `vectors` of `dim` columns each. Throws Error INVALID_ARGUMENT that names the op.
  Head(std::size_t dense, std::size_t vectors, std::size_t dim, const std::vector<HeadOp>& ops);

  const std::vector<Node>& nodes() const { return nodes_; }
  std::vector<ParameterTensor> tensors() const;
  std::size_t parameter_count() const { return parameter_count_; }
  std::size_t logit() const { return nodes_.back().inputs[0]; }
  // The parameter that is added to every logit: the bias of the linear op that ends in it, or in a sum that does.
  std::optional<std::size_t> output_bias() const { return bias_of(logit()); }

 private:
  void add(const HeadOp& op);
  void check_columns() const;
  void check_ends() const;
  std::optional<std::size_t> bias_of(std::size_t node) const;

  std::vector<Node> nodes_;
  std::size_t parameter_count_ = 0;
};

}  // namespace collide
