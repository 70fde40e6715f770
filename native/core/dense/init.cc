#include "core/dense/init.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/dense/ops/linear.h"
#include "core/dense/ops/relu.h"
#include "core/support/random.h"

namespace collide {

namespace {

constexpr std::size_t kPairs = 16;  // of probes
constexpr std::uint64_t kProbeSeed = 1;

using Probes = std::vector<std::vector<double>>;

// The n-th standard normal number of a seed (Box-Muller).
double normal(std::uint64_t seed, std::uint64_t n) {
  const double u = 1.0 - uniform01(seed, 2 * n), v = uniform01(seed, 2 * n + 1);
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

Probes dense_probes(std::size_t width) {
  if (width == 0) return Probes(1);
  Probes probes;
  for (std::size_t k = 0; k < kPairs; ++k) {
    std::vector<double> probe(width);
    for (std::size_t i = 0; i < width; ++i) {
      probe[i] = std::ldexp(normal(kProbeSeed, k * width + i), static_cast<int>(k % 8) - 3);
    }
    probes.push_back(probe);
    for (double& x : probe) x = -x;
    probes.push_back(std::move(probe));
  }
  return probes;
}

// What an op makes of each probe.
Probes outputs_of(const Node& node, const float* values, const std::vector<Probes>& made, std::size_t probes) {
  Probes outputs;
  for (std::size_t p = 0; p < probes; ++p) {
    std::vector<const double*> inputs;
    for (const std::size_t input : node.inputs) inputs.push_back(made[input][p].data());
    outputs.emplace_back(node.shape.size());
    node.kind->evaluate(node, inputs, values, outputs.back().data());
  }
  return outputs;
}

// The unit to turn, or as many as there are units for none.
std::size_t unit_to_turn(const Probes& sums, std::size_t units) {
  std::vector<std::size_t> alive(sums.size());  // units above 0
  for (std::size_t p = 0; p < sums.size(); ++p) {
    alive[p] = std::count_if(sums[p].begin(), sums[p].end(), [](double x) { return x > 0; });
  }
  const auto lit = static_cast<std::size_t>(std::count_if(alive.begin(), alive.end(), [](auto n) { return n > 0; }));
  std::size_t best = units, most = lit;
  if (lit == sums.size()) return best;
  for (std::size_t o = 0; o < units; ++o) {
    std::size_t then = 0;
    for (std::size_t p = 0; p < sums.size(); ++p) {
      const double x = sums[p][o];
      then += alive[p] - (x > 0 ? 1 : 0) + (x < 0 ? 1 : 0) > 0 ? 1 : 0;
    }
    if (then > most) best = o, most = then;
  }
  return best;
}

// `sums`: of the units of a linear op.
void turn(const Node& layer, std::size_t unit, float* values, Probes& sums) {
  const std::size_t inputs = layer.input_shapes[0].size(), outputs = layer.shape.size();
  for (std::size_t i = 0; i < inputs; ++i) {
    float& weight = values[layer.tensors[0].start + i * outputs + unit];
    weight = -weight;
  }
  float& bias = values[layer.tensors[1].start + unit];
  bias = -bias;
  for (std::vector<double>& sum : sums) sum[unit] = -sum[unit];
}

}  // namespace

void first_values(const Head& head, std::uint64_t seed, float* values) {
  for (const ParameterTensor& tensor : head.tensors()) {
    const auto deviation = static_cast<float>(std::sqrt(tensor.variance));
    for (std::size_t i = tensor.start; i < tensor.start + tensor.size(); ++i) {
      values[i] = deviation * static_cast<float>(normal(seed, i));
    }
  }
  enliven(head, values);
}

void enliven(const Head& head, float* values) {
  const std::vector<Node>& nodes = head.nodes();
  std::vector<Probes> made(nodes.size());
  made[Head::kDense] = dense_probes(nodes[Head::kDense].shape.size());
  const std::size_t probes = made[Head::kDense].size();
  made[Head::kVectors] = Probes(probes, std::vector<double>(nodes[Head::kVectors].shape.size()));
  for (std::size_t n = Head::kVectors + 1; n + 1 < nodes.size(); ++n) {
    const Node& node = nodes[n];
    made[n] = outputs_of(node, values, made, probes);
    const bool layer = node.kind == &linear_op && node.readers.size() == 1 && nodes[node.readers[0]].kind == &relu_op;
    if (!layer) continue;
    const std::size_t units = node.shape.size();
    for (std::size_t unit; (unit = unit_to_turn(made[n], units)) < units;) turn(node, unit, values, made[n]);
  }
}

}  // namespace collide
