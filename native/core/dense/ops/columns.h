// Some columns of every embedding vector: [first, first + count). { op: 'columns', name, from: 'vectors', first, count
// } A head that takes columns takes every column of the vectors once.
#pragma once

#include <algorithm>

#include "core/dense/op.h"

namespace collide {

inline const OpKind columns_op{
    .name = "columns",
    .least_inputs = 1,
    .most_inputs = 1,
    .numbers = {"first", "count"},
    .shape =
        [](Node& node) {
          const auto [vectors, dim] = node.input_shapes[0];
          const std::size_t first = node.op.numbers["first"], count = node.op.numbers["count"];
          if (node.op.from[0] != "vectors") refuse(node, "\"vectors\" in from", "\"" + node.op.from[0] + "\"");
          if (count < 1 || first >= dim || count > dim - first) {
            refuse(node, "at least one of the " + std::to_string(dim) + " columns of the vectors",
                   std::to_string(count) + " from column " + std::to_string(first) + " on");
          }
          node.shape = {vectors, count};
        },
    .evaluate =
        [](const Node& node, const std::vector<const double*>& inputs, const float*, double* output) {
          const auto [vectors, count] = node.shape;
          const std::size_t dim = node.input_shapes[0].width, first = node.op.numbers.at("first");
          for (std::size_t v = 0; v < vectors; ++v) {
            std::copy_n(inputs[0] + v * dim + first, count, output + v * count);
          }
        },
};

}  // namespace collide
