#include "cuda/dense_optimizer.cuh"

#include <algorithm>

#include "cuda/dense_gemm.cuh"
#include "cuda/dense_loss.cuh"

namespace collide::cuda {

namespace {

using Kind = DenseOptimizerConfig::Kind;

constexpr std::uint32_t kPiece = 1024;
constexpr int kThreads = 256;

struct StepArguments {
  const DensePiece* pieces;
  float* parameters;
  float* gradients;
  float* first;
  float* second;
  float* norms;
  float* scales;
  const std::uint32_t* first_piece;
  const float* loss;
  std::uint32_t rows;
  DenseRates rates;
};

// SGD and Adagrad are done with this; LAMB leaves r in place of the gradient's first shard, and its norms.
template <Kind kKind>
__global__ void __launch_bounds__(kThreads) step_parameters(const __grid_constant__ StepArguments args) {
  if (!isfinite(*args.loss)) return;
  const DensePiece piece = args.pieces[blockIdx.x];
  const std::uint32_t shards = batch_shards(piece.shards, args.rows);
  const DenseRates& rates = args.rates;
  float weight_square = 0, update_square = 0;
  for (std::uint32_t i = threadIdx.x; i < piece.count; i += kThreads) {
    const std::size_t at = piece.begin + i;
    float* const gradient = args.gradients + piece.gradient + i;
    float g = gradient[0];
    for (std::uint32_t s = 1; s < shards; ++s) g += gradient[s * piece.pitch];
    const float w = args.parameters[at];
    if constexpr (kKind == Kind::kSgd) {
      args.parameters[at] = w - rates.rate * g;
    } else if constexpr (kKind == Kind::kAdagrad) {
      const float s = args.first[at] + g * g;
      args.first[at] = s;
      args.parameters[at] = w - rates.rate * g / (sqrtf(s) + rates.epsilon);
    } else {
      const float m = rates.beta1 * args.first[at] + rates.rest1 * g;
      const float v = rates.beta2 * args.second[at] + rates.rest2 * g * g;
      args.first[at] = m;
      args.second[at] = v;
      const float r = m * rates.correct1 / (sqrtf(v * rates.correct2) + rates.epsilon) + rates.decay * w;
      gradient[0] = r;
      weight_square += w * w;
      update_square += r * r;
    }
  }
  if constexpr (kKind == Kind::kLamb) {
    weight_square = block_sum<kThreads>(weight_square);
    update_square = block_sum<kThreads>(update_square);
    if (threadIdx.x == 0) {
      args.norms[2 * blockIdx.x] = weight_square;
      args.norms[2 * blockIdx.x + 1] = update_square;
    }
  }
}

// A block per tensor.
__global__ void __launch_bounds__(kThreads) trust_ratios(const __grid_constant__ StepArguments args) {
  if (!isfinite(*args.loss)) return;
  float weight = 0, update = 0;
  const std::uint32_t end = args.first_piece[blockIdx.x + 1];
  for (std::uint32_t p = args.first_piece[blockIdx.x] + threadIdx.x; p < end; p += kThreads) {
    weight += args.norms[2 * p];
    update += args.norms[2 * p + 1];
  }
  weight = block_sum<kThreads>(weight);
  update = block_sum<kThreads>(update);
  const float trust = weight > 0 && update > 0 ? sqrtf(weight) / sqrtf(update) : 1.0f;
  if (threadIdx.x == 0) args.scales[blockIdx.x] = args.rates.rate * trust;
}

__global__ void __launch_bounds__(kThreads) subtract_updates(const __grid_constant__ StepArguments args) {
  if (!isfinite(*args.loss)) return;
  const DensePiece piece = args.pieces[blockIdx.x];
  const float scale = args.scales[piece.tensor];
  for (std::uint32_t i = threadIdx.x; i < piece.count; i += kThreads) {
    args.parameters[piece.begin + i] -= scale * args.gradients[piece.gradient + i];
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
  const bool lamb = config.kind == Kind::kLamb;
  first_ = zeros(config.kind == Kind::kSgd ? 0 : parameters_, stream);
  second_ = zeros(lamb ? parameters_ : 0, stream);
  norms_.reserve(lamb ? 2 * pieces.size() : 0, what);
  scales_.reserve(lamb ? tensors.size() : 0, what);
  stream.wait(copying);
}

void DenseOptimizer::enqueue_step(float* parameters, float* gradients, std::uint32_t rows, const float* loss) {
  steps_ = std::min(steps_ + 1, kMostDenseSteps);
  const StepArguments args{device_pieces_.data(),
                           parameters,
                           gradients,
                           first_.data(),
                           second_.data(),
                           norms_.data(),
                           scales_.data(),
                           first_piece_.data(),
                           loss,
                           rows,
                           dense_rates(config_, steps_)};
  switch (config_.kind) {
    case Kind::kSgd:
      step_parameters<Kind::kSgd><<<pieces_, kThreads, 0, stream_.get()>>>(args);
      break;
    case Kind::kAdagrad:
      step_parameters<Kind::kAdagrad><<<pieces_, kThreads, 0, stream_.get()>>>(args);
      break;
    case Kind::kLamb:
      step_parameters<Kind::kLamb><<<pieces_, kThreads, 0, stream_.get()>>>(args);
      trust_ratios<<<tensors_, kThreads, 0, stream_.get()>>>(args);
      subtract_updates<<<pieces_, kThreads, 0, stream_.get()>>>(args);
      break;
  }
  check(cudaGetLastError(), "launch the dense optimizer");
}

void DenseOptimizer::read_state(float* to) const {
  const char* copying = "copy the optimizer state from the device";
  if (config_.kind != Kind::kSgd) first_.download(to, parameters_, stream_, copying);
  if (config_.kind == Kind::kLamb) {
    second_.download(to + parameters_, parameters_, stream_, copying);
    to[2 * parameters_] = steps_;
  }
  stream_.wait(copying);
}

void DenseOptimizer::write_state(const float* values) {
  const char* copying = "copy the optimizer state to the device";
  if (config_.kind != Kind::kSgd) first_.upload(values, parameters_, stream_, copying);
  if (config_.kind == Kind::kLamb) {
    second_.upload(values + parameters_, parameters_, stream_, copying);
    steps_ = values[2 * parameters_];
  }
  stream_.wait(copying);
}

}  // namespace collide::cuda
