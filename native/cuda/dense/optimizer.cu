#include "cuda/dense/optimizer.cuh"

#include <math_constants.h>

#include <algorithm>

#include "cuda/dense/gemm.cuh"
#include "cuda/dense/loss.cuh"

namespace collide::cuda {

struct DenseOptimizer::StepArguments {
  const DensePiece* pieces;
  float* parameters;
  float* gradients;
  float* state;
  std::size_t states;  // floats from one state of a parameter to the next
  float* norms;
  std::uint32_t* any_gradient;
  float* scales;
  float* idle;
  const std::uint32_t* first_piece;
  float* loss;
  std::uint32_t* halted;
  std::uint32_t rows;
  float rate;
};

namespace {

using StepArguments = DenseOptimizer::StepArguments;

constexpr std::uint32_t kPiece = 1024;
constexpr int kThreads = 256;

// The update of a value, which the learning rate and the trust ratio scale, and its next state.
template <typename Kind>
struct Next {
  float update;
  float state[Kind::kStates + 1];

  __device__ Next(const StepArguments& args, const typename Kind::Step& step, std::size_t at, float g) {
    for (int s = 0; s < Kind::kStates; ++s) state[s] = args.state[s * args.states + at];
    update = Kind::update(step, args.parameters[at], g, state);
  }
};

// Adds the gradient's shards up into the first and looks before anything is written: the squared norms of weights and
// updates, the latter NaN or infinite if a part of the next state is, and whether there is a gradient at all.
template <typename Kind>
__global__ void __launch_bounds__(kThreads)
    measure_updates(const __grid_constant__ StepArguments args, const __grid_constant__ typename Kind::Step step) {
  if (!isfinite(*args.loss)) return;
  const DensePiece piece = args.pieces[blockIdx.x];
  const std::uint32_t shards = batch_shards(piece.shards, args.rows);
  float weight_square = 0, update_square = 0;
  bool any = false;
  for (std::uint32_t i = threadIdx.x; i < piece.count; i += kThreads) {
    const std::size_t at = piece.begin + i;
    float* const gradient = args.gradients + piece.gradient + i;
    float g = gradient[0];
    for (std::uint32_t s = 1; s < shards; ++s) g += gradient[s * piece.pitch];
    gradient[0] = g;
    any = any || g != 0;
    const float w = args.parameters[at];
    const Next<Kind> next(args, step, at, g);
    float states = 0;
    for (int s = 0; s < Kind::kStates; ++s) states += next.state[s];
    const float update = next.update + 0.0f * states;
    weight_square += w * w;
    update_square += update * update;
  }
  weight_square = block_sum<kThreads>(weight_square);
  update_square = block_sum<kThreads>(update_square);
  const float gradients = block_sum<kThreads>(any ? 1.0f : 0.0f);
  if (threadIdx.x == 0) {
    args.norms[2 * blockIdx.x] = weight_square;
    args.norms[2 * blockIdx.x + 1] = update_square;
    args.any_gradient[blockIdx.x] = gradients > 0 ? 1 : 0;
  }
}

// A block per tensor. If a value of it would not be finite, the loss becomes NaN, and nothing is written after that.
template <typename Kind>
__global__ void __launch_bounds__(kThreads) trust_ratios(const __grid_constant__ StepArguments args) {
  if (!isfinite(*args.loss)) return;  // that another block has just made it NaN changes nothing
  float weight = 0, update = 0, gradients = 0;
  const std::uint32_t end = args.first_piece[blockIdx.x + 1];
  for (std::uint32_t p = args.first_piece[blockIdx.x] + threadIdx.x; p < end; p += kThreads) {
    weight += args.norms[2 * p];
    update += args.norms[2 * p + 1];
    gradients += static_cast<float>(args.any_gradient[p]);
  }
  weight = sqrtf(block_sum<kThreads>(weight));
  update = sqrtf(block_sum<kThreads>(update));
  gradients = block_sum<kThreads>(gradients);
  const float scale = args.rate * Kind::trust(weight, update);
  if (threadIdx.x > 0) return;
  args.scales[blockIdx.x] = scale;
  if (isfinite(weight + scale * update)) {
    args.idle[blockIdx.x] = gradients > 0 ? 0.0f : fminf(args.idle[blockIdx.x] + 1, kMostDenseSteps);
  } else {
    *args.loss = CUDART_NAN_F;
    if (args.halted != nullptr) *args.halted = 1;
  }
}

template <typename Kind>
__global__ void __launch_bounds__(kThreads)
    apply_updates(const __grid_constant__ StepArguments args, const __grid_constant__ typename Kind::Step step) {
  if (!isfinite(*args.loss)) return;
  const DensePiece piece = args.pieces[blockIdx.x];
  const float scale = args.scales[piece.tensor];
  for (std::uint32_t i = threadIdx.x; i < piece.count; i += kThreads) {
    const std::size_t at = piece.begin + i;
    const Next<Kind> next(args, step, at, args.gradients[piece.gradient + i]);
    for (int s = 0; s < Kind::kStates; ++s) args.state[s * args.states + at] = next.state[s];
    args.parameters[at] -= scale * next.update;
  }
}

DeviceArray<float> zeros(std::size_t count, const Stream& stream) {
  DeviceArray<float> array(count, "the dense net's optimizer state");
  if (count > 0) {
    check(cudaMemsetAsync(array.data(), 0, count * sizeof(float), stream.get()), "clear the optimizer state");
  }
  return array;
}

}  // namespace

DenseOptimizer::DenseOptimizer(const DenseOptimizerConfig& config, const std::vector<DenseTensor>& tensors,
                               const Stream& stream)
    : config_(config), stream_(stream), tensors_(static_cast<std::uint32_t>(tensors.size())) {
  std::vector<DensePiece> pieces;
  std::vector<std::uint32_t> first_piece;
  for (std::uint32_t t = 0; t < tensors_; ++t) {
    const DenseTensor& tensor = tensors[t];
    first_piece.push_back(static_cast<std::uint32_t>(pieces.size()));
    for (std::size_t at = 0; at < tensor.count; at += kPiece) {
      const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(kPiece, tensor.count - at));
      pieces.push_back({tensor.begin + at, tensor.gradient + at, tensor.pitch, count, tensor.shards, t});
    }
    parameters_ += tensor.count;
  }
  pieces_ = static_cast<std::uint32_t>(pieces.size());
  first_piece.push_back(pieces_);

  const char* what = "the description of the dense net's parameters";
  const char* copying = "copy the description of the dense net";
  device_pieces_.reserve(pieces.size(), what);
  first_piece_.reserve(first_piece.size(), what);
  device_pieces_.upload(pieces.data(), pieces.size(), stream, copying);
  first_piece_.upload(first_piece.data(), first_piece.size(), stream, copying);
  counts_steps_ = std::visit([]<typename Kind>(const Kind&) { return Kind::kCountsSteps; }, config.kind);
  states_ = dense_state_size(config, parameters_) - (counts_steps_ ? 1 : 0);
  state_ = zeros(states_, stream);
  norms_.reserve(2 * pieces.size(), what);
  any_gradient_.reserve(pieces.size(), what);
  scales_.reserve(tensors.size(), what);
  idle_ = zeros(tensors.size(), stream);
  stream.wait(copying);
}

template <typename Kind>
void DenseOptimizer::launch_step(const Kind& kind, const StepArguments& args) {
  const typename Kind::Step step = kind.step(steps_);
  measure_updates<Kind><<<pieces_, kThreads, 0, stream_.get()>>>(args, step);
  trust_ratios<Kind><<<tensors_, kThreads, 0, stream_.get()>>>(args);
  apply_updates<Kind><<<pieces_, kThreads, 0, stream_.get()>>>(args, step);
  check(cudaGetLastError(), "launch the dense optimizer");
}

void DenseOptimizer::enqueue_step(float* parameters, float* gradients, std::uint32_t rows, float* loss,
                                  std::uint32_t* halted) {
  steps_ = std::min(steps_ + 1, kMostDenseSteps);
  const StepArguments args{device_pieces_.data(),
                           parameters,
                           gradients,
                           state_.data(),
                           parameters_,
                           norms_.data(),
                           any_gradient_.data(),
                           scales_.data(),
                           idle_.data(),
                           first_piece_.data(),
                           loss,
                           halted,
                           rows,
                           static_cast<float>(config_.learning_rate)};
  std::visit([&](const auto& kind) { launch_step(kind, args); }, config_.kind);
}

void DenseOptimizer::read_idle(float* to) const {
  const char* copying = "copy the steps without a gradient from the device";
  idle_.download(to, tensors_, stream_, copying);
  stream_.wait(copying);
}

void DenseOptimizer::read_state(float* to) const {
  const char* copying = "copy the optimizer state from the device";
  state_.download(to, states_, stream_, copying);
  if (counts_steps_) to[states_] = steps_;
  stream_.wait(copying);
}

void DenseOptimizer::write_state(const float* values) {
  const char* copying = "copy the optimizer state to the device";
  state_.upload(values, states_, stream_, copying);
  if (counts_steps_) steps_ = values[states_];
  stream_.wait(copying);
}

}  // namespace collide::cuda
