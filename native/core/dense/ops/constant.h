// A learned vector, the same for all examples. { op: 'constant', name, outputs }
// Starts as N(0, 1 / outputs), the variance. Its one parameter tensor has the op's name.
#pragma once

#include "core/dense/op.h"

namespace collide {

inline const OpKind constant_op{
    .name = "constant",
    .least_inputs = 0,
    .most_inputs = 0,
    .numbers = {"outputs"},
    .shape =
        [](Node& node) {
          const std::size_t outputs = node.op.numbers["outputs"];
          if (outputs < 1 || outputs > kMostWidth) {
            refuse(node, "outputs from 1 to " + std::to_string(kMostWidth), outputs);
          }
          node.shape = {1, outputs};
          node.tensors = {{node.op.name, {outputs}, 1.0 / static_cast<double>(outputs)}};
        },
    .evaluate =
        [](const Node& node, const std::vector<const double*>&, const float* parameters, double* output) {
          for (std::size_t i = 0; i < node.shape.size(); ++i) output[i] = parameters[node.tensors[0].start + i];
        },
};

}  // namespace collide
