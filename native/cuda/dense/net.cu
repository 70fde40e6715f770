#include "cuda/dense/net.cuh"

#include <math_constants.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/support/error.h"
#include "core/support/gradients.h"
#include "cuda/dense/interaction.cuh"
#include "cuda/dense/loss.cuh"
#include "cuda/dense/net.h"
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

// Rows of activations begin at multiples of 16 bytes.
std::size_t padded(std::size_t floats) {
  return (floats + 3) / 4 * 4;
}

}  // namespace

CudaDenseNet::CudaDenseNet(const DenseNetConfig& config)
    : DenseNet(config),
      bottom_(placed(bottom().empty() ? std::vector<DenseShape>{{0, config.dim, 0, 0}} : bottom())),
      top_(placed(top())),
      parameters_(parameter_count(), "the dense net's parameters"),
      gradients_(gradient_floats_, "the dense net's gradients"),
      optimizer_(this->config().optimizer, placed_tensors(), stream_) {
  std::vector<float> values(parameter_count());
  first_parameters(values.data());
  store_parameters(values.data());
}

std::vector<CudaDenseNet::PlacedLayer> CudaDenseNet::placed(const std::vector<DenseShape>& shapes) {
  std::vector<PlacedLayer> layers;
  for (const DenseShape& shape : shapes) {
    const std::uint32_t shards =
        layer_shards(static_cast<std::uint32_t>(shape.inputs), static_cast<std::uint32_t>(shape.outputs));
    layers.push_back({shape, shards, gradient_floats_});
    gradient_floats_ += padded(shards * (shape.inputs + 1) * shape.outputs);
  }
  return layers;
}

std::vector<DenseTensor> CudaDenseNet::placed_tensors() const {
  std::vector<DenseTensor> tensors;
  for (const auto* layers : {&bottom_, &top_}) {
    for (const auto& [shape, shards, gradient] : *layers) {
      const std::size_t weights = shape.inputs * shape.outputs, pitch = weights + shape.outputs;
      if (weights > 0) tensors.push_back({shape.weights, weights, gradient, pitch, shards});
      tensors.push_back({shape.bias, shape.outputs, gradient + weights, pitch, shards});
    }
  }
  return tensors;
}

DeviceLayer CudaDenseNet::layer(const PlacedLayer& placed) const {
  const DenseShape& shape = placed.shape;
  return {static_cast<std::uint32_t>(shape.inputs), static_cast<std::uint32_t>(shape.outputs),
          parameters_.data() + shape.weights, parameters_.data() + shape.bias};
}

CudaDenseNet::Work CudaDenseNet::reserve_work(std::uint32_t rows) const {
  Work work;
  work.bottom.resize(bottom_.size());
  work.top.resize(top_.size());
  std::size_t floats = 0;
  std::vector<std::pair<Rows*, std::size_t>> places;
  const auto place = [&](Rows& to, std::size_t pitch) {
    to.pitch = pitch;
    places.emplace_back(&to, floats);
    floats += pitch * rows;
  };
  for (std::size_t l = 0; l + 1 < bottom_.size(); ++l) place(work.bottom[l], padded(bottom_[l].shape.outputs));
  place(work.z, padded(config().dim + dots()));
  place(work.z_gradient, work.z.pitch);
  for (std::size_t l = 0; l + 1 < top_.size(); ++l) place(work.top[l], padded(top_[l].shape.outputs));
  place(work.top.back(), 1);
  const std::size_t losses = floats;
  work_.reserve(losses + 1 + loss_blocks(rows), "the dense net's activations");
  for (const auto& [to, at] : places) to->data = work_.data() + at;
  work.losses = work_.data() + losses;
  work.bottom.back() = work.z;  // the last bottom layer's output is vector 0
  return work;
}

// All but the last layer.
void CudaDenseNet::forward(const Work& work, const float* dense, const float* embeddings, std::uint32_t rows) const {
  Rows input{const_cast<float*>(dense), config().dense};
  for (std::size_t l = 0; l < bottom_.size(); ++l) {
    launch_layer_forward(layer(bottom_[l]), input, work.bottom[l], rows, !bottom().empty(), stream_.get());
    input = work.bottom[l];
  }
  const InteractionShape shape{static_cast<std::uint32_t>(config().vectors), static_cast<std::uint32_t>(config().dim)};
  launch_dots(shape, embeddings, work.z, rows, stream_.get());
  input = work.z;
  for (std::size_t l = 0; l + 1 < top_.size(); ++l) {
    launch_layer_forward(layer(top_[l]), input, work.top[l], rows, true, stream_.get());
    input = work.top[l];
  }
}

// Expects d loss / d logits in the last layer's output.
void CudaDenseNet::backward(const Work& work, const DenseBatch& batch) {
  const auto weights = [&](const PlacedLayer& placed, Rows output_gradient, Rows input) {
    launch_layer_backward_weights(layer(placed), output_gradient, input, batch.rows,
                                  batch_shards(placed.shards, batch.rows), gradients_.data() + placed.gradient,
                                  stream_.get());
  };
  for (std::size_t l = top_.size(); l-- > 0;) {
    weights(top_[l], work.top[l], l == 0 ? work.z : work.top[l - 1]);
    launch_layer_backward_input(layer(top_[l]), work.top[l], l == 0 ? work.z_gradient : work.top[l - 1], batch.rows,
                                l > 0, stream_.get());
  }
  const InteractionShape shape{static_cast<std::uint32_t>(config().vectors), static_cast<std::uint32_t>(config().dim)};
  launch_dots_backward(shape, batch.embeddings, work.z, work.z_gradient, batch.rows, !bottom().empty(), batch.gradient,
                       stream_.get());
  for (std::size_t l = bottom_.size(); l-- > 0;) {
    const Rows output_gradient = l + 1 == bottom_.size() ? work.z_gradient : work.bottom[l];
    weights(bottom_[l], output_gradient,
            l == 0 ? Rows{const_cast<float*>(batch.dense), config().dense} : work.bottom[l - 1]);
    if (l > 0) {
      launch_layer_backward_input(layer(bottom_[l]), output_gradient, work.bottom[l - 1], batch.rows, true,
                                  stream_.get());
    }
  }
}

void CudaDenseNet::reserve(std::size_t rows) const {
  if (rows > kMostRows) fail("INVALID_ARGUMENT", "Expected at most ", kMostRows, " labels, received ", rows);
  reserve_work(static_cast<std::uint32_t>(rows));
}

void CudaDenseNet::enqueue_step(const DenseBatch& batch, std::uint32_t* halted) {
  const Work work = reserve_work(batch.rows);
  const float scale = 1.0f / static_cast<float>(batch.rows);
  forward(work, batch.dense, batch.embeddings, batch.rows);
  launch_layer_loss(layer(top_.back()), top_.size() == 1 ? work.z : work.top[top_.size() - 2], work.top.back(),
                    batch.rows, {batch.labels, scale, work.losses + 1}, stream_.get());
  sum_losses<<<1, kThreads, 0, stream_.get()>>>(work.losses, loss_blocks(batch.rows), scale, halted);
  check(cudaGetLastError(), "launch the sum of the losses");
  backward(work, batch);
  const std::size_t gradients = batch.rows * vector_floats();
  const auto blocks = static_cast<std::uint32_t>(std::min<std::size_t>((gradients + kThreads - 1) / kThreads, 1024));
  check_gradients<<<blocks, kThreads, 0, stream_.get()>>>(batch.gradient, gradients, work.losses, halted);
  check(cudaGetLastError(), "launch the check of the gradients");
  optimizer_.enqueue_step(parameters_.data(), gradients_.data(), batch.rows, work.losses, halted);
  loss_ = work.losses;
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
  const auto rows = static_cast<std::uint32_t>(batch);
  const Work work = reserve_work(rows);
  const Rows out = work.top.back();
  forward(work, dense, embeddings, rows);
  launch_layer_forward(layer(top_.back()), top_.size() == 1 ? work.z : work.top[top_.size() - 2], out, rows, false,
                       stream_.get());
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
