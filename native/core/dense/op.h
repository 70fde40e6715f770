// What an op of a head is: how it is written down, what comes out of it, and which parameters it has. The ops
// themselves are in core/dense/ops, one file each: shapes and the definition; cpu/dense/ops and cuda/dense/ops compute
// them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/support/error.h"

namespace collide {

// An op as plain data: { op, name, from, outputs: 64, ... } in JavaScript.
struct HeadOp {
  std::string op, name;
  std::vector<std::string> from;               // names of earlier ops, or "dense" and "vectors"
  std::map<std::string, std::size_t> numbers;  // all else
};

// What an op makes of an example: so many vectors, one behind the other. All but embedding vectors are one.
struct Shape {
  std::size_t vectors = 1, width = 0;
  std::size_t size() const { return vectors * width; }
};

struct ParameterTensor {
  std::string name;
  std::vector<std::size_t> shape;
  double variance = 0;    // of the normal numbers that it starts with
  std::size_t start = 0;  // among all parameters
  std::size_t size() const {
    std::size_t product = 1;
    for (const std::size_t extent : shape) product *= extent;
    return product;
  }
};

struct OpKind;

// An op of a checked head, by its place in it.
struct Node {
  const OpKind* kind = nullptr;
  HeadOp op;
  std::vector<std::size_t> inputs;  // nodes
  std::vector<Shape> input_shapes;
  std::vector<std::size_t> readers;  // nodes that have it as an input
  Shape shape;
  std::vector<ParameterTensor> tensors;
  bool trained = false;  // depends on parameters or embedding vectors
};

struct OpKind {
  const char* name;
  std::size_t least_inputs, most_inputs;
  std::vector<std::string> numbers;  // that it takes
  // Sets shape and tensors of a node whose inputs are known. Throws Error INVALID_ARGUMENT, see refuse().
  void (*shape)(Node& node);
  // The definition, in float64, of one example: for first values (core/dense/init.h).
  void (*evaluate)(const Node& node, const std::vector<const double*>& inputs, const float* parameters, double* output);
  // Its output is its inputs, one behind the other: nothing needs to be computed.
  bool joins = false;
  // Backward, it has no use for its input when it writes the input's gradient, which can so take the input's place.
  bool overwrites = false;
};

inline constexpr std::size_t kMostWidth = 65536, kMostInputs = 64;

// Throws Error INVALID_ARGUMENT, which names the op.
template <typename Received>
[[noreturn]] void refuse(const Node& node, const std::string& expected, const Received& received) {
  fail("INVALID_ARGUMENT", "Expected ", expected, " for op \"", node.op.name, "\" (", node.op.op, "), received ",
       received);
}

}  // namespace collide
