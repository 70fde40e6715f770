// The dense half of a model: a head (core/dense/head.h) on dense inputs and embedding vectors; forward, loss, backward
// and optimizer in one call.
//
// This class has what the engines share: the head, first values, and all checks of what comes in. The work is done by
// cpu/dense/net.h or cuda/dense/net.cuh. All arrays here are host memory, row-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dense/head.h"
#include "core/dense/optimizer.h"

namespace collide {

struct DenseNetConfig {
  std::size_t dense = 0;     // dense inputs
  std::size_t vectors = 1;   // embedding vectors per example
  std::size_t dim = 1;       // width of each
  std::vector<HeadOp> head;  // its ops
  DenseOptimizerConfig optimizer;
  std::uint64_t seed = 1;
  unsigned threads = 0;  // of the CPU's; 0: all available
};

template <typename T>
struct Span {
  T* data = nullptr;
  std::size_t size = 0;
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

  const Head& head() const { return head_; }

  // Those of the head's tensors, one after the other.
  std::size_t parameter_count() const { return head_.parameter_count(); }
  virtual void read_parameters(float* to) const = 0;
  // The optimizer's state: see dense_state_size.
  std::size_t state_count() const { return dense_state_size(config_.optimizer, parameter_count()); }
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

  // See core/dense/init.h.
  void first_parameters(float* values) const;

  const DenseNetConfig& config() const { return config_; }
  std::size_t vector_floats() const { return config_.vectors * config_.dim; }  // of one example
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
  Head head_;
  std::vector<std::size_t> tensors_;
};

}  // namespace collide
