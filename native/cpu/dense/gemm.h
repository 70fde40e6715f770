// Matrix products of the dense net: small weight matrices against a block of some hundred rows (examples).
// A block is held lanes-last: 16 rows side by side for each feature, so every kernel vectorises over rows and no width
// (1, 3, 17, ...) needs a slow remainder. Rows are padded to full groups of 16.
//
// Every product has one fixed order of summation, so bits depend on shapes only. Cost: inputs * outputs multiply-adds a
// row for each of the three products.
//
// Why no BLAS: these products are small and their blocks stay in the cache, where a general library loses more to
// packing than its kernel gains. In the same blocks, one thread, OpenBLAS 0.3.21 was 1.2-5 times slower for layers up
// to 100 wide and no faster in a whole step with layers of 512 and 256.
#pragma once

#include <cstddef>

namespace collide {

inline constexpr std::size_t kLanes = 16;

// Value (feature f, row r) is data[(r / 16) * group + f * 16 + r % 16]; data is 64-byte aligned.
struct Lanes {
  float* data = nullptr;
  std::size_t group = 0;  // floats from one group of 16 rows to the next
  Lanes from(std::size_t feature) const { return {data + feature * kLanes, group}; }
};

// A fully connected layer: weights [inputs, outputs], row-major, and bias [outputs].
struct Layer {
  std::size_t inputs = 0, outputs = 0;
  const float* weights = nullptr;
  const float* bias = nullptr;
};

// Floats of scratch, 64-byte aligned, that the functions of a layer need.
std::size_t layer_scratch(std::size_t inputs, std::size_t outputs, std::size_t groups);

// output = input weights + bias, then max(0, .) if relu.
void layer_forward(const Layer& layer, Lanes input, Lanes output, std::size_t groups, bool relu, float* scratch);

// What layer_backward_input does with the gradient of the input.
//   kMask: the place of the gradient holds the inputs (a ReLU's outputs), and gets 0 where one is not above 0
enum class InputGradient { kWrite, kMask, kAdd };

// input_gradient = output_gradient weights^T.
void layer_backward_input(const Layer& layer, Lanes output_gradient, Lanes input_gradient, std::size_t groups,
                          InputGradient mode);

// weights_gradient += input^T output_gradient and bias_gradient += the sums over rows of output_gradient.
void layer_backward_weights(const Layer& layer, Lanes output_gradient, Lanes input, std::size_t groups,
                            float* weights_gradient, float* bias_gradient, float* scratch);

// sums[f] += the sum over rows of feature f.
void add_row_sums(Lanes values, std::size_t features, std::size_t groups, float* sums);

// What computes the products: "portable (AVX-512)", "portable (AVX2)" or "portable".
const char* gemm_library();

}  // namespace collide
