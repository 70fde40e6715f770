#include "cpu/dense/net.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/support/gradients.h"
#include "cpu/dense/loss.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kBlock = 128;  // rows
constexpr std::size_t kShards = 32;  // at most: tasks of a step, and gradients to add up

std::size_t groups_of(std::size_t rows) {
  return (rows + kLanes - 1) / kLanes;
}

}  // namespace

// The intermediates of one block. Backward writes gradients over the activations they belong to.
struct CpuDenseNet::Workspace {
  Workspace(const CpuDenseNet& net) {
    const std::size_t groups = groups_of(kBlock);
    std::size_t scratch = net.interaction_.scratch(), floats = 0;
    const auto place = [&](std::size_t features) {
      const std::size_t at = floats;
      floats += features * groups * kLanes;
      return at;
    };
    std::vector<std::pair<Lanes*, std::size_t>> lanes;
    const auto add = [&](Lanes& to, std::size_t features) {
      to.group = features * kLanes;
      lanes.emplace_back(&to, place(features));
    };
    bottom.resize(net.bottom().size());
    top.resize(net.top().size());
    add(dense, net.config().dense);
    for (std::size_t l = 0; l + 1 < bottom.size(); ++l) add(bottom[l], net.bottom()[l].outputs);
    add(block, net.interaction_.first() + net.interaction_.outputs());
    for (std::size_t l = 0; l < top.size(); ++l) add(top[l], net.top()[l].outputs);
    add(gradient, net.interaction_.outputs());
    for (const auto* shapes : {&net.bottom(), &net.top()}) {
      for (const DenseShape& shape : *shapes)
        scratch = std::max(scratch, layer_scratch(shape.inputs, shape.outputs, groups));
    }
    memory = Memory((floats + scratch) * sizeof(float), "the dense net's work buffers");
    for (const auto& [to, at] : lanes) to->data = memory.as<float>() + at;
    this->scratch = memory.as<float>() + floats;
    // The last bottom layer writes vector 0 straight into the block, and its gradient is the first of `gradient`.
    if (!bottom.empty()) bottom.back() = block.from(net.interaction_.first());
  }

  Lanes dense, block, gradient;
  std::vector<Lanes> bottom, top;  // layers' outputs
  float* scratch;
  Memory memory;
};

// A workspace for the length of a task.
class CpuDenseNet::Lease {
 public:
  explicit Lease(const CpuDenseNet& net) : net_(net) {
    {
      const std::lock_guard lock(net.mutex_);
      if (!net.idle_.empty()) {
        space_ = std::move(net.idle_.back());
        net.idle_.pop_back();
      }
    }
    if (!space_) space_ = std::make_unique<Workspace>(net);
  }
  ~Lease() {
    const std::lock_guard lock(net_.mutex_);
    net_.idle_.push_back(std::move(space_));
  }
  Lease(const Lease&) = delete;
  Workspace& operator*() const { return *space_; }

 private:
  const CpuDenseNet& net_;
  std::unique_ptr<Workspace> space_;
};

CpuDenseNet::CpuDenseNet(const DenseNetConfig& config)
    : DenseNet(config),
      interaction_(config.vectors, config.dim),
      parameters_(parameter_count() * sizeof(float), "the dense net's parameters"),
      optimizer_(this->config().optimizer, tensors(), config.threads) {
  first_parameters(parameters_.as<float>());
}

CpuDenseNet::~CpuDenseNet() = default;

void CpuDenseNet::read_parameters(float* to) const {
  std::copy_n(parameters_.as<float>(), parameter_count(), to);
}
void CpuDenseNet::read_state(float* to) const {
  std::copy_n(optimizer_.state(), state_count(), to);
}
void CpuDenseNet::read_idle(float* to) const {
  std::copy_n(optimizer_.idle().data(), tensor_count(), to);
}
void CpuDenseNet::store_parameters(const float* values) {
  std::copy_n(values, parameter_count(), parameters_.as<float>());
}
void CpuDenseNet::store_state(const float* values) {
  std::copy_n(values, state_count(), optimizer_.state());
}

Layer CpuDenseNet::layer(const DenseShape& shape) const {
  const float* values = parameters_.as<float>();
  return {shape.inputs, shape.outputs, values + shape.weights, values + shape.bias};
}

void CpuDenseNet::forward(Workspace& space, const float* dense, const float* embeddings, std::size_t rows) const {
  const std::size_t groups = groups_of(rows);
  load_rows(embeddings, rows, interaction_.first(), space.block);
  const Lanes z = space.block.from(interaction_.first());
  if (bottom().empty()) {
    fill_rows(parameters_.as<float>(), config().dim, groups, z);
  } else {
    load_rows(dense, rows, config().dense, space.dense);
    for (std::size_t l = 0; l < bottom().size(); ++l) {
      layer_forward(layer(bottom()[l]), l == 0 ? space.dense : space.bottom[l - 1], space.bottom[l], groups, true,
                    space.scratch);
    }
  }
  interaction_.forward(space.block, groups);
  for (std::size_t l = 0; l < top().size(); ++l) {
    layer_forward(layer(top()[l]), l == 0 ? z : space.top[l - 1], space.top[l], groups, l + 1 < top().size(),
                  space.scratch);
  }
}

// Expects d loss / d logits in place of the logits.
void CpuDenseNet::backward(Workspace& space, std::size_t rows, float* parameter_gradient,
                           float* vector_gradient) const {
  const std::size_t groups = groups_of(rows);
  const Lanes z = space.block.from(interaction_.first());
  const auto weights = [&](const DenseShape& shape, Lanes output_gradient, Lanes input) {
    layer_backward_weights(layer(shape), output_gradient, input, groups, parameter_gradient + shape.weights,
                           parameter_gradient + shape.bias, space.scratch);
  };
  for (std::size_t l = top().size(); l-- > 0;) {
    weights(top()[l], space.top[l], l == 0 ? z : space.top[l - 1]);
    layer_backward_input(layer(top()[l]), space.top[l], l == 0 ? space.gradient : space.top[l - 1], groups, l > 0);
  }
  interaction_.backward(space.block, space.gradient, rows, !bottom().empty(), vector_gradient, space.scratch);
  if (bottom().empty()) {
    add_row_sums(space.gradient, config().dim, groups, parameter_gradient);
    return;
  }
  for (std::size_t l = bottom().size(); l-- > 0;) {
    const Lanes output_gradient = l + 1 == bottom().size() ? space.gradient : space.bottom[l];
    weights(bottom()[l], output_gradient, l == 0 ? space.dense : space.bottom[l - 1]);
    if (l > 0) layer_backward_input(layer(bottom()[l]), output_gradient, space.bottom[l - 1], groups, true);
  }
}

double CpuDenseNet::run_step(const float* dense, const float* embeddings, const float* labels, std::size_t batch,
                             float* gradient) {
  const std::size_t blocks = (batch + kBlock - 1) / kBlock, shards = std::min(blocks, kShards);
  const std::size_t parameters = parameter_count(), vectors = vector_floats();
  const std::size_t bytes = shards * parameters * sizeof(float);
  if (gradients_.bytes() < bytes) gradients_ = Memory(bytes, "the dense net's gradients");
  std::vector<double> losses(blocks);
  std::atomic<bool> fit{true};
  parallel_for(shards, config().threads, [&](std::size_t s) {
    const Lease space(*this);
    float* const sums = gradients_.as<float>() + s * parameters;
    std::fill_n(sums, parameters, 0.0f);
    for (std::size_t b = s * blocks / shards; b < (s + 1) * blocks / shards; ++b) {
      const std::size_t first = b * kBlock, rows = std::min(kBlock, batch - first);
      forward(*space, dense + first * config().dense, embeddings + first * vectors, rows);
      losses[b] = loss_backward((*space).top.back(), labels + first, rows, 1.0f / static_cast<float>(batch));
      backward(*space, rows, sums, gradient + first * vectors);
      if (!gradients_fit(gradient + first * vectors, rows * vectors)) fit = false;
    }
  });
  double loss = 0;
  for (const double part : losses) loss += part;
  loss /= static_cast<double>(batch);
  if (!std::isfinite(loss)) return loss;
  const bool taken = fit && optimizer_.step(parameters_.as<float>(), gradients_.as<float>(), shards, parameters);
  return taken ? loss : std::numeric_limits<double>::quiet_NaN();
}

void CpuDenseNet::run_predict(const float* dense, const float* embeddings, std::size_t batch, float* logits) const {
  const std::size_t blocks = (batch + kBlock - 1) / kBlock, vectors = vector_floats();
  parallel_for(blocks, config().threads, [&](std::size_t b) {
    const Lease space(*this);
    const std::size_t first = b * kBlock, rows = std::min(kBlock, batch - first);
    forward(*space, dense + first * config().dense, embeddings + first * vectors, rows);
    const Lanes& out = (*space).top.back();
    for (std::size_t r = 0; r < rows; ++r) {
      logits[first + r] = out.data[r / kLanes * out.group + r % kLanes];
    }
  });
}

}  // namespace collide
