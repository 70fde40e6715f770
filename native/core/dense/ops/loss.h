// Binary cross-entropy of a logit: the last op of a head. { op: 'loss', name, from }
// log(1 + exp(z)) with z = -logit for label 1 and logit for label 0, computed as max(z, 0) + log(1 + exp(-|z|)), which
// never overflows and keeps its relative precision for tiny losses. The loss of a batch is the mean.
#pragma once

#include "core/dense/op.h"

namespace collide {

inline const OpKind loss_op{
    .name = "loss",
    .least_inputs = 1,
    .most_inputs = 1,
    .numbers = {},
    .shape =
        [](Node& node) {
          if (node.input_shapes[0].size() != 1) refuse(node, "an input 1 wide", node.input_shapes[0].size());
          node.shape = {1, 0};
        },
    .evaluate = [](const Node&, const std::vector<const double*>&, const float*,
                   double*) {},  // of labels, not of these
    .overwrites = true,
};

}  // namespace collide
