// The sum of everything in its inputs, one number: of several terms of a logit, or of first order weights.
// { op: 'sum', name, from: [...] }
#pragma once

#include "core/dense/op.h"

namespace collide {

inline const OpKind sum_op{
    .name = "sum",
    .least_inputs = 1,
    .most_inputs = kMostInputs,
    .numbers = {},
    .shape =
        [](Node& node) {
          node.shape = {1, 1};
        },
    .evaluate =
        [](const Node& node, const std::vector<const double*>& inputs, const float*, double* output) {
          *output = 0;
          for (std::size_t i = 0; i < inputs.size(); ++i) {
            for (std::size_t k = 0; k < node.input_shapes[i].size(); ++k) *output += inputs[i][k];
          }
        },
};

}  // namespace collide
