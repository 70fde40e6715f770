// Its inputs side by side, as one vector. { op: 'concat', name, from: [...] }
// Costs nothing as a rule: ops write their outputs where they stand side by side (core/dense/plan.h).
#pragma once

#include <algorithm>

#include "core/dense/op.h"

namespace collide {

inline const OpKind concat_op{
    .name = "concat",
    .least_inputs = 1,
    .most_inputs = kMostInputs,
    .numbers = {},
    .shape =
        [](Node& node) {
          node.shape = {1, 0};
          for (const Shape& shape : node.input_shapes) node.shape.width += shape.size();
        },
    .evaluate =
        [](const Node& node, const std::vector<const double*>& inputs, const float*, double* output) {
          for (std::size_t i = 0; i < inputs.size(); ++i) {
            output = std::copy_n(inputs[i], node.input_shapes[i].size(), output);
          }
        },
    .joins = true,
};

}  // namespace collide
