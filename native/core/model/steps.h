// Training steps and predictions of embedding tables and a dense net that live on the same device, where pooled rows
// and gradients stay. What the host has to do for the next step is done while the last one runs: a step is started,
// and its loss is asked for later.
#pragma once

#include <cstddef>
#include <memory>

#include "core/dense/net.h"
#include "core/embedding/engine.h"

namespace collide {

class ModelSteps {
 public:
  // Steps that may have been started and not finished.
  static constexpr std::size_t kInFlight = 2;

  virtual ~ModelSteps() = default;

  // Starts a step: forward, loss, backward, one optimizer step each. Waits only for the last step but one; the arrays
  // are copied. bags: of 32-bit ids and one batch size. Throws Error as EmbeddingEngine::forward and DenseNet::step do,
  // and for too many steps in flight; the model is then as before.
  virtual void start(const BagBatch& bags, Span<const float> dense, Span<const float> labels) = 0;

  // Waits for the oldest step and returns its mean loss. If that is not finite, the step and those started after it
  // have changed nothing (but the access counts of the first) and are over; then training may go on.
  virtual double finish() = 0;

  // Writes logits [batch].
  virtual void predict(const BagBatch& bags, Span<const float> dense, Span<float> logits) = 0;
};

}  // namespace collide
