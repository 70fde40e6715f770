#include "cuda/dense/net.cuh"

#include <math_constants.h>

#include <algorithm>
#include <cmath>

#include "core/support/error.h"
#include "core/support/gradients.h"
#include "cuda/dense/loss.cuh"
#include "cuda/dense/net.h"
#include "cuda/dense/rows.cuh"
#include "cuda/support/on_device.cuh"

namespace collide::cuda {

namespace {

constexpr std::size_t kMostRows = std::size_t{1} << 30;
constexpr int kThreads = 256;

// losses[0] = scale * the sum of losses[1] to losses[count], in a fixed order; NaN when *halted, which a loss that is
// not finite sets.
__global__ void __launch_bounds__(kThreads)
    sum_losses(float* losses, std::uint32_t count, float scale, std::uint32_t* halted) {
  float sum = 0;
  for (std::uint32_t i = 1 + threadIdx.x; i <= count; i += kThreads) sum += losses[i];
  sum = block_sum<kThreads>(sum);
  if (threadIdx.x > 0) return;
  float loss = scale * sum;
  if (halted != nullptr) {
    if (*halted != 0) loss = CUDART_NAN_F;
    if (!isfinite(loss)) *halted = 1;
  }
  losses[0] = loss;
}

// A gradient that does not fit makes the loss NaN, and *halted 1 unless it is null.
__global__ void __launch_bounds__(kThreads)
    check_gradients(const float* gradients, std::size_t count, float* loss, std::uint32_t* halted) {
  const std::size_t stride = std::size_t{gridDim.x} * kThreads;
  bool fit = true;
  for (std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += stride) {
    fit = fit && fabsf(gradients[i]) <= kMostGradient;
  }
  if (fit) return;
  *loss = CUDART_NAN_F;
  if (halted != nullptr) *halted = 1;
}

std::uint32_t loss_blocks(std::uint32_t rows) {
  return (rows + kLossRows - 1) / kLossRows;
}

// Rows of activations begin at multiples of 16 bytes, but for single values, such as logits.
std::size_t padded(std::size_t floats) {
  return floats == 1 ? 1 : (floats + 3) / 4 * 4;
}

}  // namespace

CudaDenseNet::CudaDenseNet(const DenseNetConfig& config)
    : DenseNet(config),
      plan_(plan_of(head(), Inputs::kInBatch)),
      steps_(make_steps()),
      parameters_(parameter_count(), "the dense net's parameters"),
      gradients_(gradient_room_.floats, "the dense net's gradients"),
      optimizer_(this->config().optimizer, gradient_room_.tensors, stream_) {
  std::vector<float> values(parameter_count());
  first_parameters(values.data());
  store_parameters(values.data());
}

std::vector<CudaDenseNet::Step> CudaDenseNet::make_steps() {
  std::vector<Step> steps;
  for (std::size_t n = 0; n < plan_.nodes.size(); ++n) {
    if (plan_.nodes[n].runs) steps.push_back({&plan_.nodes[n], make_op({head(), plan_, gradient_room_, n})});
  }
  return steps;
}

Pass CudaDenseNet::reserve_pass(std::uint32_t rows) const {
  Pass pass{rows, stream_.get(), {}, parameters_.data(), {}, {}};
  std::size_t floats = 0;
  for (const std::size_t features : plan_.regions) floats += (padded(features) * rows + 3) / 4 * 4;
  work_.reserve(floats + 1 + loss_blocks(rows), "the dense net's activations");
  float* at = work_.data();
  for (const std::size_t features : plan_.regions) {
    pass.regions.push_back({at, padded(features)});
    at += (padded(features) * rows + 3) / 4 * 4;
  }
  pass.losses = at;
  return pass;
}

void CudaDenseNet::forward(const Pass& pass) const {
  for (const Step& step : steps_) step.op->forward(pass);
}

void CudaDenseNet::backward(const Pass& pass) const {
  const auto each = [&](Each what, const Place& from, const Place& to) {
    launch_each(what, DeviceSlot{from}.rows(pass), DeviceSlot{to}.rows(pass), pass.rows,
                static_cast<std::uint32_t>(to.size), stream_.get());
  };
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    for (const Place& place : step->plan->clear) each(Each::kClear, place, place);
    step->op->backward(pass);
    for (const auto& [value, gradient] : step->plan->masking) each(Each::kMask, value, gradient);
  }
}

void CudaDenseNet::reserve(std::size_t rows) const {
  if (rows > kMostRows) fail("INVALID_ARGUMENT", "Expected at most ", kMostRows, " labels, received ", rows);
  reserve_pass(static_cast<std::uint32_t>(rows));
}

void CudaDenseNet::enqueue_step(const DenseBatch& batch, std::uint32_t* halted) {
  Pass pass = reserve_pass(batch.rows);
  float* const losses = pass.losses;  // the batch's, then the sums of blocks of kLossRows
  pass.dense = {const_cast<float*>(batch.dense), config().dense};
  pass.vectors = {const_cast<float*>(batch.embeddings), vector_floats()};
  pass.labels = batch.labels;
  pass.scale = 1.0f / static_cast<float>(batch.rows);
  pass.losses = losses + 1;
  pass.gradients = gradients_.data();
  pass.vector_gradient = {batch.gradient, vector_floats()};
  forward(pass);
  sum_losses<<<1, kThreads, 0, stream_.get()>>>(losses, loss_blocks(batch.rows), pass.scale, halted);
  check(cudaGetLastError(), "launch the sum of the losses");
  backward(pass);
  const std::size_t gradients = batch.rows * vector_floats();
  const auto blocks = static_cast<std::uint32_t>(std::min<std::size_t>((gradients + kThreads - 1) / kThreads, 1024));
  check_gradients<<<blocks, kThreads, 0, stream_.get()>>>(batch.gradient, gradients, losses, halted);
  check(cudaGetLastError(), "launch the check of the gradients");
  if (parameter_count() == 0) {  // a head without parameters: there is nothing to launch
    set_steps(steps() + 1);
  } else {
    optimizer_.enqueue_step(parameters_.data(), gradients_.data(), batch.rows, losses, halted);
  }
  loss_ = losses;
}

double CudaDenseNet::run_step(const float* dense, const float* embeddings, const float* labels, std::size_t batch,
                              float* gradient) {
  const OnDevice here;
  reserve(batch);
  const std::size_t dense_floats = batch * config().dense, vectors = batch * vector_floats();
  const char* what = "a batch of the dense net";
  dense_.reserve(dense_floats, what);
  embeddings_.reserve(vectors, what);
  labels_.reserve(batch, what);
  vector_gradient_.reserve(vectors, what);
  const char* copying = "copy a batch to the device";
  dense_.upload(dense, dense_floats, stream_, copying);
  embeddings_.upload(embeddings, vectors, stream_, copying);
  labels_.upload(labels, batch, stream_, copying);
  const float before = steps();
  enqueue_step(
      {static_cast<std::uint32_t>(batch), dense_.data(), embeddings_.data(), labels_.data(), vector_gradient_.data()},
      nullptr);
  vector_gradient_.download(gradient, vectors, stream_, "copy the gradient of the embeddings from the device");
  float loss = 0;
  check(cudaMemcpyAsync(&loss, loss_, sizeof loss, cudaMemcpyDeviceToHost, stream_.get()), "copy the loss");
  stream_.wait("run a step of the dense net");
  if (!std::isfinite(loss)) set_steps(before);
  return loss;
}

void CudaDenseNet::enqueue_predict(const float* dense, const float* embeddings, std::size_t batch,
                                   float* host_logits) const {
  Pass pass = reserve_pass(static_cast<std::uint32_t>(batch));
  pass.dense = {const_cast<float*>(dense), config().dense};
  pass.vectors = {const_cast<float*>(embeddings), vector_floats()};
  pass.losses = nullptr;
  forward(pass);
  const Rows out = DeviceSlot{plan_.nodes[head().logit()].value}.rows(pass);
  check(cudaMemcpyAsync(host_logits, out.data, batch * sizeof(float), cudaMemcpyDeviceToHost, stream_.get()),
        "copy the logits from the device");
}

void CudaDenseNet::run_predict(const float* dense, const float* embeddings, std::size_t batch, float* logits) const {
  const OnDevice here;
  const std::size_t slice = std::min(batch, kMostPredicted);
  reserve(slice);
  dense_.reserve(slice * config().dense, "a batch of the dense net");
  embeddings_.reserve(slice * vector_floats(), "a batch of the dense net");
  for (std::size_t first = 0; first < batch; first += slice) {
    const std::size_t count = std::min(slice, batch - first);
    dense_.upload(dense + first * config().dense, count * config().dense, stream_, "copy a batch to the device");
    embeddings_.upload(embeddings + first * vector_floats(), count * vector_floats(), stream_,
                       "copy a batch to the device");
    enqueue_predict(dense_.data(), embeddings_.data(), count, logits + first);
  }
  stream_.wait("copy the logits from the device");
}

void CudaDenseNet::read_parameters(float* to) const {
  const OnDevice here;
  parameters_.download(to, parameter_count(), stream_, "copy the parameters from the device");
  stream_.wait("copy the parameters from the device");
}

void CudaDenseNet::read_state(float* to) const {
  const OnDevice here;
  optimizer_.read_state(to);
}

void CudaDenseNet::read_idle(float* to) const {
  const OnDevice here;
  optimizer_.read_idle(to);
}

void CudaDenseNet::store_state(const float* values) {
  const OnDevice here;
  optimizer_.write_state(values);
}

void CudaDenseNet::store_parameters(const float* values) {
  const OnDevice here;
  parameters_.upload(values, parameter_count(), stream_, "copy the parameters to the device");
  stream_.wait("copy the parameters to the device");
}

std::unique_ptr<DenseNet> make_dense_net(const DenseNetConfig& config) {
  const OnDevice here;
  return std::make_unique<CudaDenseNet>(config);
}

}  // namespace collide::cuda
