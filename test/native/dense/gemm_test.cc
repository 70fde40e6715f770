// The products of cpu/dense/gemm.h with wide layers, in memory that ends where it must: every array and the scratch
// have exactly the floats that are promised to suffice, so that AddressSanitizer sees the first one read or written
// beyond. Against plain float64 sums, with every kernel width that this processor has.
#include "cpu/dense/gemm.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "checks.h"
#include "core/support/random.h"
#include "cpu/dense/net.h"
#include "cpu/dense/ops/dots.h"
#include "dlrm.h"

namespace collide {
int& vector_bytes();  // cpu/dense/simd.h, which changes how the file that includes it is compiled
}

namespace {

using namespace collide;
using checks::check;

// 64-byte aligned, and not a float more.
class Floats {
 public:
  explicit Floats(std::size_t count) : size(count) {
    void* room = nullptr;
    if (posix_memalign(&room, 64, count * sizeof(float)) != 0) std::abort();
    data_.reset(static_cast<float*>(room));
    for (std::size_t i = 0; i < count; ++i) data_[i] = NAN;
  }
  float* data() const { return data_.get(); }
  float& operator[](std::size_t i) const { return data_[i]; }
  void draw(std::uint64_t seed) const {
    for (std::size_t i = 0; i < size; ++i) data_[i] = 2 * uniform01(seed, i) - 1;
  }
  void fill(float value) const {
    for (std::size_t i = 0; i < size; ++i) data_[i] = value;
  }

  const std::size_t size;

 private:
  struct Free {
    void operator()(float* room) const { std::free(room); }
  };
  std::unique_ptr<float[], Free> data_;
};

// A block of so many features: value (f, r) as gemm.h lays it out.
struct Block {
  Block(std::size_t features, std::size_t groups) : features(features), floats(features * groups * kLanes) {}
  Lanes lanes() const { return {floats.data(), features * kLanes}; }
  float& at(std::size_t f, std::size_t r) const {
    return floats[r / kLanes * features * kLanes + f * kLanes + r % kLanes];
  }

  std::size_t features;
  Floats floats;
};

// Sums of n products of numbers up to 1 in float32.
bool near(double found, double expected, std::size_t n) {
  return std::fabs(found - expected) <= 5e-6 * std::sqrt(static_cast<double>(n)) + 1e-6 * std::fabs(expected);
}

void layer(std::size_t inputs, std::size_t outputs, std::size_t groups) {
  const std::string what = std::to_string(inputs) + " x " + std::to_string(outputs) + ", " + std::to_string(groups) +
                           " groups, " + std::to_string(vector_bytes()) + " bytes: ";
  const std::size_t rows = groups * kLanes;
  const Floats weights(inputs * outputs), bias(outputs), scratch(layer_scratch(inputs, outputs, groups));
  const Block in(inputs, groups), out(outputs, groups), back(inputs, groups);
  weights.draw(1), bias.draw(2), in.floats.draw(3);
  const Layer layer{inputs, outputs, weights.data(), bias.data()};

  layer_forward(layer, in.lanes(), out.lanes(), groups, false, scratch.data());
  int wrong = 0;
  for (std::size_t r = 0; r < rows; r += 7) {
    for (std::size_t o = 0; o < outputs; ++o) {
      double sum = bias[o];
      for (std::size_t i = 0; i < inputs; ++i) sum += double{in.at(i, r)} * weights[i * outputs + o];
      wrong += !near(out.at(o, r), sum, inputs);
    }
  }
  check(wrong == 0, what + "forward");

  out.floats.draw(4);  // now a gradient
  layer_backward_input(layer, out.lanes(), back.lanes(), groups, InputGradient::kWrite);
  wrong = 0;
  for (std::size_t r = 0; r < rows; r += 7) {
    for (std::size_t i = 0; i < inputs; ++i) {
      double sum = 0;
      for (std::size_t o = 0; o < outputs; ++o) sum += double{out.at(o, r)} * weights[i * outputs + o];
      wrong += !near(back.at(i, r), sum, outputs);
    }
  }
  check(wrong == 0, what + "the gradient of the input");

  const Floats weights_gradient(inputs * outputs), bias_gradient(outputs);
  weights_gradient.fill(0), bias_gradient.fill(0), scratch.fill(NAN);
  layer_backward_weights(layer, out.lanes(), in.lanes(), groups, weights_gradient.data(), bias_gradient.data(),
                         scratch.data());
  wrong = 0;
  for (std::size_t o = 0; o < outputs; ++o) {
    double sum = 0;
    for (std::size_t r = 0; r < rows; ++r) sum += out.at(o, r);
    wrong += !near(bias_gradient[o], sum, rows);
    for (std::size_t i = 0; i < inputs; ++i) {
      sum = 0;
      for (std::size_t r = 0; r < rows; ++r) sum += double{out.at(o, r)} * in.at(i, r);
      wrong += !near(weights_gradient[i * outputs + o], sum, rows);
    }
  }
  check(wrong == 0, what + "the gradients of weights and bias");
}

// The pairwise dots backward, in scratch of the size that it asks for.
void dots(std::size_t vectors, std::size_t dim, std::size_t rows) {
  const Dots dots(vectors, dim, true);
  const std::size_t groups = (rows + kLanes - 1) / kLanes, first = vectors * dim, pairs = vectors * (vectors + 1) / 2;
  const Block block(first + dim + pairs, groups), gradient(dim + pairs, groups);
  const Floats scratch(dots.scratch()), vector_rows(rows * vectors * dim);
  block.floats.draw(5), gradient.floats.draw(6);
  dots.forward(block.lanes(), block.lanes().from(first + dim), groups);
  const Block before = [&] {
    Block copy(dim + pairs, groups);
    for (std::size_t i = 0; i < gradient.floats.size; ++i) copy.floats[i] = gradient.floats[i];
    return copy;
  }();
  DotsGradient to;
  to.first = gradient.lanes();
  to.add_first = true;
  to.vector_rows = vector_rows.data();
  dots.backward(block.lanes(), gradient.lanes().from(dim), rows, to, scratch.data());
  // d loss / d vector v = the sum over the other vectors w of the gradient of dot (v, w) times w.
  const auto value = [&](std::size_t v, std::size_t d, std::size_t r) {
    return block.at(v == 0 ? first + d : (v - 1) * dim + d, r);
  };
  int wrong = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t v = 1; v <= vectors; ++v) {
      for (std::size_t d = 0; d < dim; ++d) {
        double sum = 0;
        for (std::size_t w = 0; w <= vectors; ++w) {
          if (w == v) continue;
          const std::size_t i = std::max(v, w), j = std::min(v, w);
          sum += double{before.at(dim + i * (i - 1) / 2 + j, r)} * value(w, d, r);
        }
        wrong += !near(vector_rows[(r * vectors + v - 1) * dim + d], sum, vectors);
      }
    }
  }
  check(wrong == 0, "dots of " + std::to_string(vectors) + " vectors of " + std::to_string(dim) + ", " +
                        std::to_string(rows) + " rows");
}

// Whole nets whose widest layer is not the one with most scratch for its outputs.
void nets() {
  for (const std::size_t inputs : {1000, 3001}) {
    DenseNetConfig config;
    config.dense = inputs;
    config.vectors = 2;
    config.dim = 3;
    config.head = dlrm(inputs, 3, {13, 3}, {7, 1});
    CpuDenseNet net(config);
    const std::size_t batch = 17;
    const Floats dense(batch * inputs), embeddings(batch * 6), labels(batch), gradient(batch * 6), logits(batch);
    dense.draw(7), embeddings.draw(8), labels.fill(1);
    const double first = net.step({dense.data(), dense.size}, {embeddings.data(), embeddings.size},
                                  {labels.data(), batch}, {gradient.data(), gradient.size});
    net.predict({dense.data(), dense.size}, {embeddings.data(), embeddings.size}, {logits.data(), batch});
    check(std::isfinite(first) && std::isfinite(logits[batch - 1]), "a net of " + std::to_string(inputs) + " inputs");
  }
}

}  // namespace

int main() {
  const int widest = vector_bytes();
  for (int bytes = 16; bytes <= widest; bytes *= 2) {
    vector_bytes() = bytes;
    for (const std::size_t inputs : {1, 15, 17, 999, 1000, 1001, 2500, 5000}) {
      for (const std::size_t outputs : {1, 7, 8, 9, 13, 16, 17, 25}) layer(inputs, outputs, 1 + inputs % 2);
    }
    layer(3, 1000, 3), layer(70, 257, 8), layer(1200, 33, 8);
    for (const std::size_t vectors : {1, 2, 3, 7, 26}) {
      for (const std::size_t dim : {1, 3, 16, 17}) dots(vectors, dim, 15 + vectors % 3);
    }
    nets();
  }
  return checks::summary();
}
