// The pairwise dots of vectors numbered 0, 1, ... { op: 'dots', name, from: vectors, or [first vector, vectors] }
// Dot (i, j), i > j, is feature i (i - 1) / 2 + j: the lower triangle by rows.
#pragma once

#include <algorithm>

#include "core/dense/op.h"

namespace collide {

inline const OpKind dots_op{
    .name = "dots",
    .least_inputs = 1,
    .most_inputs = 2,
    .numbers = {},
    .shape =
        [](Node& node) {
          const Shape& last = node.input_shapes.back();
          const std::size_t numbers = last.vectors + node.inputs.size() - 1;
          if (node.inputs.size() == 2 && node.input_shapes[0].size() != last.width) {
            refuse(node, "a first vector as wide as the others (" + std::to_string(last.width) + ")",
                   node.input_shapes[0].size());
          }
          if (numbers < 2) refuse(node, "at least 2 vectors", numbers);
          node.shape = {1, numbers * (numbers - 1) / 2};
        },
    .evaluate =
        [](const Node& node, const std::vector<const double*>& inputs, const float*, double* output) {
          const Shape& last = node.input_shapes.back();
          const std::size_t firsts = inputs.size() - 1, numbers = last.vectors + firsts;
          const auto zero = [](double x) { return x == 0; };
          if (std::all_of(inputs.back(), inputs.back() + last.size(), zero)) {  // as in first values: saves much time
            std::fill_n(output, node.shape.size(), 0.0);
            return;
          }
          const auto vector = [&](std::size_t n) {
            return n < firsts ? inputs[0] : inputs.back() + (n - firsts) * last.width;
          };
          for (std::size_t i = 1; i < numbers; ++i) {
            for (std::size_t j = 0; j < i; ++j) {
              double sum = 0;
              for (std::size_t d = 0; d < last.width; ++d) sum += vector(i)[d] * vector(j)[d];
              *output++ = sum;
            }
          }
        },
};

}  // namespace collide
