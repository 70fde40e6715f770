// Launchers of the dense net's matrix products. Everything is row-major float32 in device memory; asynchronous on
// `stream`; Error CUDA_FAILED when a launch is refused.
//
// One kernel does all three products of a layer: a block of 256 threads computes 64 rows by 64 columns (16 where there
// are at most 32) of the result, 4 x 4 (4 x 1) per thread, from tiles of 64 x 16 in shared memory that are filled while
// the ones before are used. Bias, ReLU, its mask, the loss and the bias' gradient are part of it. Every sum goes over k
// in order, one fused multiply-add each; so a row of the result has the same bits wherever it stands in a batch. The
// sums over a batch (weight gradients) are cut into shards, see batch_shards.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "core/support/portable.h"

namespace collide::cuda {

// Row-major, pitch floats from one row to the next.
struct Rows {
  float* data = nullptr;
  std::size_t pitch = 0;
};

// Weights [inputs, outputs] and bias [outputs].
struct DeviceLayer {
  std::uint32_t inputs, outputs;
  const float* weights;
  const float* bias;
};

// output [rows, outputs] = input weights + bias, then max(0, .) if relu; a NaN stays one.
void launch_layer_forward(const DeviceLayer& layer, Rows input, Rows output, std::uint32_t rows, bool relu,
                          cudaStream_t stream);

// What a block of rows adds to the loss.
inline constexpr std::uint32_t kLossRows = 64;

// The last layer, 1 wide, and the loss: output [rows] = scale * d loss / d logit, losses [ceil(rows / kLossRows)] = the
// sums of the rows' losses.
struct LossTarget {
  const float* labels;
  float scale;
  float* losses;
};
void launch_layer_loss(const DeviceLayer& layer, Rows input, Rows output, std::uint32_t rows, const LossTarget& target,
                       cudaStream_t stream);

// What launch_layer_backward_input does with the gradient of the input.
//   kMask: the place of the gradient holds the inputs (a ReLU's outputs), and gets 0 where one is not above 0
enum class InputGradient { kWrite, kMask, kAdd };

// input_gradient [rows, inputs] = output_gradient weights^T.
void launch_layer_backward_input(const DeviceLayer& layer, Rows output_gradient, Rows input_gradient,
                                 std::uint32_t rows, InputGradient mode, cudaStream_t stream);

// Into how many shards the sums over a batch are cut: enough of them to fill a device (512 blocks), at least 64 rows
// each. layer_shards() is the most there can be; a function of shapes alone, so that bits do not depend on the device.
std::uint32_t layer_shards(std::uint32_t inputs, std::uint32_t outputs);
inline constexpr std::uint32_t kShardRows = 64;
COLLIDE_HD std::uint32_t batch_shards(std::uint32_t most, std::uint32_t rows) {
  const std::uint32_t blocks = (rows + kShardRows - 1) / kShardRows;
  return blocks < most ? blocks : most;
}

// gradients [shards, inputs + 1, outputs]: shard by shard input^T output_gradient, then the sums over rows of
// output_gradient, the bias' gradient. shards: of batch_shards().
void launch_layer_backward_weights(const DeviceLayer& layer, Rows output_gradient, Rows input, std::uint32_t rows,
                                   std::uint32_t shards, float* gradients, cudaStream_t stream);

}  // namespace collide::cuda
