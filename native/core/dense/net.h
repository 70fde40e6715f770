// DLRM's dense half: bottom layers on the dense inputs, the pairwise dots of their output and the embedding vectors,
// top layers to one logit, binary cross-entropy; forward, loss, backward and optimizer in one call.
//
//   x0     = relu layers of `bottom` on dense [batch, dense], or, with no dense inputs, a learned constant vector
//   z      = concat(x0, x_i . x_j for i > j), where x_1..x_V are the example's embedding vectors, each dim wide
//   logit  = top layers on z: relu between them, the last one linear and 1 wide
//
// Dot (i, j), i > j, of vectors numbered 0..V is feature i (i - 1) / 2 + j of the dots: the lower triangle by rows.
// This class has what the engines share: shapes, first values, and all checks of what comes in. The work is done by
// cpu/dense/net.h or cuda/dense/net.cuh. All arrays here are host memory, row-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dense/optimizer.h"

namespace collide {

struct DenseNetConfig {
  std::size_t dense = 0;            // dense inputs; 0: none, and `bottom` is empty
  std::size_t vectors = 1;          // embedding vectors per example
  std::size_t dim = 1;              // width of each
  std::vector<std::size_t> bottom;  // widths; the last is dim
  std::vector<std::size_t> top;     // widths; the last is 1
  DenseOptimizerConfig optimizer;
  std::uint64_t seed = 1;
  unsigned threads = 0;  // of the CPU's; 0: all available
};

template <typename T>
struct Span {
  T* data = nullptr;
  std::size_t size = 0;
};

// A fully connected layer and where its parameters are: weights [inputs, outputs], then bias [outputs].
struct DenseShape {
  std::size_t inputs, outputs, weights, bias;
};

class DenseNet {
 public:
  virtual ~DenseNet() = default;
  DenseNet(const DenseNet&) = delete;
  DenseNet& operator=(const DenseNet&) = delete;

  // The mean loss of the batch, whose size is that of `labels` (each 0 or 1). Writes d loss / d embeddings, laid out
  // like embeddings [batch, vectors * dim], then steps the optimizer. Returns NaN, and has then changed nothing but
  // `gradient`, if the loss is not finite, a gradient does not fit (core/support/gradients.h), or a parameter or a part
  // of the optimizer's state would not be finite. Throws Error INVALID_ARGUMENT or INVALID_LABEL and has then changed
  // nothing.
  double step(Span<const float> dense, Span<const float> embeddings, Span<const float> labels, Span<float> gradient);

  // The checks of step(), for a caller that has the embeddings, so many floats of them, elsewhere. Throws Error
  // INVALID_ARGUMENT or INVALID_LABEL.
  void check_step(Span<const float> dense, std::size_t embeddings, Span<const float> labels) const;
  // Likewise of predict(), of `batch` logits.
  void check_predict(Span<const float> dense, std::size_t embeddings, std::size_t batch) const {
    check_inputs(dense, embeddings, batch, "logits");
  }

  // Logits [batch]; the batch's size is that of `logits`. A row's logit does not depend on the other rows.
  void predict(Span<const float> dense, Span<const float> embeddings, Span<float> logits) const;

  void set_learning_rate(double rate) { config_.optimizer.learning_rate = rate; }

  // Per bottom layer, then per top layer: weights [inputs, outputs] row-major, then bias [outputs]. With no dense
  // inputs the bottom is the constant vector [dim].
  std::size_t parameter_count() const { return parameter_count_; }
  virtual void read_parameters(float* to) const = 0;
  // The optimizer's state: see dense_state_size.
  std::size_t state_count() const { return dense_state_size(config_.optimizer, parameter_count_); }
  virtual void read_state(float* to) const = 0;
  // [tensors]: the steps since each tensor last had a gradient other than 0.
  std::size_t tensor_count() const { return tensors_.size(); }
  virtual void read_idle(float* to) const = 0;

  // Throw Error INVALID_ARGUMENT, and have then changed nothing, on a wrong length or a value that cannot be.
  void write_parameters(Span<const float> values);
  void write_state(Span<const float> values);

 protected:
  // Throws Error INVALID_ARGUMENT.
  explicit DenseNet(const DenseNetConfig& config);

  // Weights start as N(0, sqrt(2 / (inputs + outputs))), biases (and the constant vector) as N(0, sqrt(1 / outputs)),
  // as in DLRM's reference code, with signs turned where a layer would be dead; see core/dense/init.h.
  void first_parameters(float* values) const;

  const DenseNetConfig& config() const { return config_; }
  std::size_t vector_floats() const { return config_.vectors * config_.dim; }  // of one example
  std::size_t dots() const { return config_.vectors * (config_.vectors + 1) / 2; }
  const std::vector<DenseShape>& bottom() const { return bottom_; }  // empty without dense inputs
  const std::vector<DenseShape>& top() const { return top_; }
  // Sizes of the parameter tensors, which follow one another.
  const std::vector<std::size_t>& tensors() const { return tensors_; }

 private:
  virtual double run_step(const float* dense, const float* embeddings, const float* labels, std::size_t batch,
                          float* gradient) = 0;
  virtual void run_predict(const float* dense, const float* embeddings, std::size_t batch, float* logits) const = 0;
  virtual void store_parameters(const float* values) = 0;
  virtual void store_state(const float* values) = 0;

  void check_inputs(Span<const float> dense, std::size_t embeddings, std::size_t batch, const char* what) const;

  DenseNetConfig config_;
  std::vector<DenseShape> bottom_, top_;
  std::vector<std::size_t> tensors_;
  std::size_t parameter_count_ = 0;
};

}  // namespace collide
