#include "core/dense/init.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/dense/net.h"
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

// What a layer's units get to see: [probes][outputs], before ReLU.
Probes sums_of(const DenseShape& shape, const float* values, const Probes& inputs) {
  Probes sums;
  for (const std::vector<double>& input : inputs) {
    std::vector<double> sum(values + shape.bias, values + shape.bias + shape.outputs);
    for (std::size_t i = 0; i < input.size(); ++i) {  // inputs past the end are dots, 0
      if (input[i] == 0) continue;
      const float* const weights = values + shape.weights + i * shape.outputs;
      for (std::size_t o = 0; o < shape.outputs; ++o) sum[o] += input[i] * weights[o];
    }
    sums.push_back(std::move(sum));
  }
  return sums;
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

void turn(const DenseShape& shape, std::size_t unit, float* values, Probes& sums) {
  for (std::size_t i = 0; i < shape.inputs; ++i) {
    float& weight = values[shape.weights + i * shape.outputs + unit];
    weight = -weight;
  }
  values[shape.bias + unit] = -values[shape.bias + unit];
  for (std::vector<double>& sum : sums) sum[unit] = -sum[unit];
}

// What the layer passes on, once it is alive.
Probes through(const DenseShape& shape, float* values, const Probes& inputs) {
  Probes sums = sums_of(shape, values, inputs);
  for (std::size_t unit; (unit = unit_to_turn(sums, shape.outputs)) < shape.outputs;) turn(shape, unit, values, sums);
  for (std::vector<double>& sum : sums) {
    for (double& x : sum) x = std::max(0.0, x);
  }
  return sums;
}

}  // namespace

void draw_normal(std::uint64_t seed, std::size_t from, std::size_t count, double variance, float* values) {
  const auto deviation = static_cast<float>(std::sqrt(variance));
  for (std::size_t i = from; i < from + count; ++i) values[i] = deviation * static_cast<float>(normal(seed, i));
}

void enliven(const std::vector<DenseShape>& bottom, const std::vector<DenseShape>& top, std::size_t dim,
             float* values) {
  Probes probes = bottom.empty() ? Probes{{values, values + dim}} : dense_probes(bottom.front().inputs);
  for (const DenseShape& shape : bottom) probes = through(shape, values, probes);
  for (std::size_t l = 0; l + 1 < top.size(); ++l) probes = through(top[l], values, probes);
}

}  // namespace collide
