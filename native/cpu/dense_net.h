// DLRM's dense half: bottom layers on the dense inputs, the pairwise dots of their output and the embedding vectors,
// top layers to one logit, binary cross-entropy; forward, loss, backward and optimizer in one call.
//
//   x0     = relu layers of `bottom` on dense [batch, dense], or, with no dense inputs, a learned constant vector
//   z      = concat(x0, x_i . x_j for i > j), where x_1..x_V are the example's embedding vectors, each dim wide
//   logit  = top layers on z: relu between them, the last one linear and 1 wide
//
// A step goes through the batch in blocks of 128 rows, whose every intermediate stays in the L2 cache from the forward
// pass to the backward pass. Blocks run in parallel. Weight gradients are summed in a fixed number of shards, then
// shard by shard, so the bits of a step depend on the batch and never on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/memory.h"
#include "cpu/dense_interaction.h"
#include "cpu/dense_optimizer.h"

namespace collide {

struct DenseNetConfig {
  std::size_t dense = 0;            // dense inputs; 0: none, and `bottom` is empty
  std::size_t vectors = 1;          // embedding vectors per example
  std::size_t dim = 1;              // width of each
  std::vector<std::size_t> bottom;  // widths; the last is dim
  std::vector<std::size_t> top;     // widths; the last is 1
  DenseOptimizerConfig optimizer;
  std::uint64_t seed = 1;
  unsigned threads = 0;  // 0: all available
};

template <typename T>
struct Span {
  T* data = nullptr;
  std::size_t size = 0;
};

class DenseNet {
 public:
  // Weights start as N(0, sqrt(2 / (inputs + outputs))), biases (and the constant vector) as N(0, sqrt(1 / outputs)),
  // as in DLRM's reference code. Throws Error INVALID_ARGUMENT or OUT_OF_MEMORY.
  explicit DenseNet(const DenseNetConfig& config);
  ~DenseNet();

  // The mean loss of the batch, whose size is that of `labels` (each 0 or 1). Writes d loss / d embeddings, laid out
  // like embeddings [batch, vectors * dim], then steps the optimizer; not if the loss is not finite. Throws Error
  // INVALID_ARGUMENT or INVALID_LABEL and has then changed nothing.
  double step(Span<const float> dense, Span<const float> embeddings, Span<const float> labels, Span<float> gradient);

  // Logits [batch]; the batch's size is that of `logits`.
  void predict(Span<const float> dense, Span<const float> embeddings, Span<float> logits) const;

  void set_learning_rate(double rate) { optimizer_->set_learning_rate(rate); }

  // Per bottom layer, then per top layer: weights [inputs, outputs] row-major, then bias [outputs]. With no dense
  // inputs the bottom is the constant vector [dim].
  Span<float> parameters() const { return {parameters_.as<float>(), parameters_.bytes() / sizeof(float)}; }
  // The optimizer's state, see DenseOptimizer.
  Span<float> state() const { return {optimizer_->state(), optimizer_->state_size()}; }

  // Throw Error INVALID_ARGUMENT, and have then changed nothing, on a wrong length or a value that cannot be.
  void write_parameters(Span<const float> values);
  void write_state(Span<const float> values);

 private:
  struct Shape {
    std::size_t inputs, outputs, weights, bias;  // the last two: where in the parameters
  };
  struct Workspace;
  class Lease;

  Layer layer(const Shape& shape) const;
  void check(Span<const float> dense, Span<const float> embeddings, std::size_t batch, const char* what) const;
  void forward(Workspace& space, const float* dense, const float* embeddings, std::size_t rows) const;
  void backward(Workspace& space, std::size_t rows, float* parameter_gradient, float* vector_gradient) const;

  DenseNetConfig config_;
  Interaction interaction_;
  std::vector<Shape> bottom_, top_;
  Memory parameters_;
  Memory gradients_;  // [shards, parameters], grown when a batch needs more shards
  std::unique_ptr<DenseOptimizer> optimizer_;
  // Workspaces not in use; there are never more than threads at work. Which one a task gets changes no result.
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace collide
