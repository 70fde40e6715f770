// A fully connected layer: output = input weights + bias. { op: 'linear', name, from, outputs }
// Starts as N(0, 2 / (inputs + outputs)) and N(0, 1 / outputs), variances, as in DLRM's reference code.
#pragma once

#include "core/dense/op.h"

namespace collide {

inline const OpKind linear_op{
    .name = "linear",
    .least_inputs = 1,
    .most_inputs = 1,
    .numbers = {"outputs"},
    .shape =
        [](Node& node) {
          const std::size_t inputs = node.input_shapes[0].size(), outputs = node.op.numbers["outputs"];
          if (outputs < 1 || outputs > kMostWidth) {
            refuse(node, "outputs from 1 to " + std::to_string(kMostWidth), outputs);
          }
          node.shape = {1, outputs};
          const auto in = static_cast<double>(inputs), out = static_cast<double>(outputs);
          node.tensors = {{node.op.name + ".weight", {inputs, outputs}, 2.0 / (in + out)},
                          {node.op.name + ".bias", {outputs}, 1.0 / out}};
        },
    .evaluate =
        [](const Node& node, const std::vector<const double*>& inputs, const float* parameters, double* output) {
          const std::size_t outputs = node.shape.size(), rows = node.input_shapes[0].size();
          const float* const weights = parameters + node.tensors[0].start;
          for (std::size_t o = 0; o < outputs; ++o) output[o] = parameters[node.tensors[1].start + o];
          for (std::size_t i = 0; i < rows; ++i) {
            if (inputs[0][i] == 0) continue;
            for (std::size_t o = 0; o < outputs; ++o) output[o] += inputs[0][i] * weights[i * outputs + o];
          }
        },
    .overwrites = true,
};

}  // namespace collide
