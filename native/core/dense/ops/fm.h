// The sum of all pairwise dots, the second order term of a factorization machine (Rendle 2010).
// { op: 'fm', name, from: vectors }
// Column by column, the sum over v of x_v (x_0 + ... + x_{v - 1}): as cheap as half of the squared sum less the
// squares, but nothing cancels. d / d x_v = the sum of the other vectors. Cost: two operations a value forward, three
// backward.
#pragma once

#include "core/dense/op.h"

namespace collide {

inline const OpKind fm_op{
    .name = "fm",
    .least_inputs = 1,
    .most_inputs = 1,
    .numbers = {},
    .shape =
        [](Node& node) {
          node.shape = {1, 1};
        },
    .evaluate =
        [](const Node& node, const std::vector<const double*>& inputs, const float*, double* output) {
          const auto [vectors, width] = node.input_shapes[0];
          *output = 0;
          for (std::size_t d = 0; d < width; ++d) {
            double before = 0;
            for (std::size_t v = 0; v < vectors; ++v) {
              *output += before * inputs[0][v * width + d];
              before += inputs[0][v * width + d];
            }
          }
        },
};

}  // namespace collide
