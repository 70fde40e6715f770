// max(0, x); a NaN stays one. { op: 'relu', name, from }
// Behind a linear op that nothing else reads it is a part of that op's kernel.
#pragma once

#include <algorithm>

#include "core/dense/op.h"

namespace collide {

inline const OpKind relu_op{
    .name = "relu",
    .least_inputs = 1,
    .most_inputs = 1,
    .numbers = {},
    .shape = [](Node& node) { node.shape = node.input_shapes[0]; },
    .evaluate =
        [](const Node& node, const std::vector<const double*>& inputs, const float*, double* output) {
          for (std::size_t i = 0; i < node.shape.size(); ++i) output[i] = std::max(0.0, inputs[0][i]);
        },
};

}  // namespace collide
