// Training steps whose pooled rows, activations and gradients stay on the device. Up go the ids with the offsets of
// their bags, dense inputs, labels and the plan of the batch (about 240 bytes per feature), in one copy from pinned
// memory; down comes the loss.
//
// Three streams take turns without the host: a batch is copied in the first while the step before it runs; the tables'
// looks its rows up and, later, steps them; the net's does what lies between. There are two slots of batches, so that
// the host fills one while the device reads the other. The bits are those of the separate calls.
#include "cuda/model/steps.h"

#include <algorithm>
#include <cmath>

#include "cuda/dense/net.cuh"
#include "cuda/embedding/engine.cuh"
#include "cuda/support/on_device.cuh"
#include "cuda/support/staging.cuh"

namespace collide::cuda {

namespace {

constexpr const char* kCopying = "copy a batch to the device";

class CudaModelSteps final : public ModelSteps {
 public:
  CudaModelSteps(CudaEmbedding& tables, CudaDenseNet& net)
      : tables_(tables), net_(net), halted_(1, "the state of the training steps") {
    for (Slot& slot : slots_) slot.loss.reserve(1, "the loss");
    allow_steps();
  }

  // The device reads and writes the pinned memory of steps in flight.
  ~CudaModelSteps() override {
    for (const Slot& slot : slots_) cudaEventSynchronize(slot.done.get());
    cudaStreamSynchronize(copies_.get());
  }

  void start(const BagBatch& bags, Span<const float> dense, Span<const float> labels) override {
    const OnDevice here;
    if (started_ - finished_ == kInFlight) {
      fail("INVALID_ARGUMENT", "Expected at most ", kInFlight, " training steps in flight");
    }
    net_.check_step(dense, labels.size * tables_.layout().output_width, labels);
    Slot& slot = slots_[started_ % kInFlight];  // its last step is finished: nothing reads it any more
    net_.reserve(labels.size);
    slot.staging.clear();
    const auto dense_at = slot.staging.add(dense.data, dense.size);
    const auto labels_at = slot.staging.add(labels.data, labels.size);
    tables_.prepare(bags, true, slot.staging);
    slot.table_steps = tables_.steps(), slot.net_steps = net_.steps();

    slot.staging.upload(copies_, kCopying);
    copies_.record(slot.copied);
    tables_.stream().wait_for(slot.copied);
    tables_.enqueue_lookup(true, halted_.data());
    tables_.stream().record(looked_up_);
    net_.stream().wait_for(looked_up_);
    net_.enqueue_step({static_cast<std::uint32_t>(labels.size), slot.staging.device(dense_at), tables_.output(),
                       slot.staging.device(labels_at), tables_.gradient()},
                      halted_.data());
    check(cudaMemcpyAsync(slot.loss.data(), net_.loss(), sizeof(float), cudaMemcpyDeviceToHost, net_.stream().get()),
          "copy the loss");
    net_.stream().record(net_stepped_);
    tables_.stream().wait_for(net_stepped_);
    tables_.enqueue_backward(net_.loss());
    tables_.stream().record(slot.done);
    net_.stream().wait_for(slot.done);  // the loss is still read until then
    ++started_;
  }

  double finish() override {
    const OnDevice here;
    if (started_ == finished_) fail("INVALID_ARGUMENT", "Expected a training step that was started, and not finished");
    const Slot& slot = slots_[finished_ % kInFlight];
    slot.done.wait("run a training step");
    ++finished_;
    const double loss = *slot.loss.data();
    if (!std::isfinite(loss)) take_back(slot);
    return loss;
  }

  void predict(const BagBatch& bags, Span<const float> dense, Span<float> logits) override {
    const OnDevice here;
    net_.check_predict(dense, logits.size * tables_.layout().output_width, logits.size);
    if (logits.size == 0) return;
    const std::size_t slice = std::min(logits.size, CudaDenseNet::kMostPredicted);
    const std::size_t inputs = dense.size / logits.size, width = tables_.layout().output_width;
    net_.reserve(slice);
    logits_.reserve(logits.size, "logits");
    predicting_.clear();
    const auto dense_at = predicting_.add(dense.data, dense.size);
    tables_.prepare(bags, false, predicting_, slice * width);
    predicting_.upload(tables_.stream(), kCopying);
    for (std::size_t part = 0, first = 0; part < tables_.parts(); ++part) {
      const std::size_t rows = tables_.floats_of_part(part) / width;
      tables_.enqueue_lookup(false, nullptr, part);
      tables_.stream().record(looked_up_);
      net_.stream().wait_for(looked_up_);
      net_.enqueue_predict(predicting_.device(dense_at) + first * inputs, tables_.output(), rows,
                           logits_.data() + first);
      net_.stream().record(net_stepped_);
      tables_.stream().wait_for(net_stepped_);  // the next part is looked up into the same room
      first += rows;
    }
    net_.stream().wait("predict a batch");
    std::copy_n(logits_.data(), logits.size, logits.data);
  }

 private:
  struct Slot {
    Staging staging;
    PinnedArray<float> loss;
    Event copied, done;
    std::uint64_t table_steps = 0;  // before the step
    float net_steps = 0;
  };

  // A step has failed, and with it those behind it, which have seen halted_.
  void take_back(const Slot& failed) {
    for (; finished_ < started_; ++finished_) slots_[finished_ % kInFlight].done.wait("run a training step");
    tables_.set_steps(failed.table_steps);
    net_.set_steps(failed.net_steps);
    allow_steps();
  }

  void allow_steps() {
    halted_.clear(1, copies_, "allow training steps");
    copies_.wait("allow training steps");
  }

  CudaEmbedding& tables_;
  CudaDenseNet& net_;
  Stream copies_;
  Slot slots_[kInFlight];
  Event looked_up_, net_stepped_;
  DeviceArray<std::uint32_t> halted_;  // not 0: a step's loss was not finite, later ones do nothing
  std::uint64_t started_ = 0, finished_ = 0;
  Staging predicting_;
  PinnedArray<float> logits_;
};

}  // namespace

std::unique_ptr<ModelSteps> make_model_steps(EmbeddingEngine& tables, DenseNet& net) {
  const OnDevice here;
  auto* const on_device = dynamic_cast<CudaEmbedding*>(&tables);
  auto* const net_on_device = dynamic_cast<CudaDenseNet*>(&net);
  if (on_device == nullptr || net_on_device == nullptr) {
    fail("NOT_SUPPORTED", "Expected tables and a dense net on the same CUDA device for joint steps");
  }
  return std::make_unique<CudaModelSteps>(*on_device, *net_on_device);
}

}  // namespace collide::cuda
