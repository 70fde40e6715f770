#include "cpu/dense/net.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/support/gradients.h"
#include "cpu/dense/lanes.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kShards = 32;  // at most: tasks of a step, and gradients to add up

std::size_t groups_of(std::size_t rows) {
  return (rows + kLanes - 1) / kLanes;
}

}  // namespace

// The intermediates of one block. Backward writes gradients over the activations where the plan says so.
struct CpuDenseNet::Workspace {
  explicit Workspace(const CpuDenseNet& net)
      : memory((net.floats_ + net.scratch_) * sizeof(float), "the dense net's work buffers") {}
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
  float* room() const { return space_->memory.as<float>(); }

 private:
  const CpuDenseNet& net_;
  std::unique_ptr<Workspace> space_;
};

CpuDenseNet::CpuDenseNet(const DenseNetConfig& config)
    : DenseNet(config),
      plan_(plan_of(head(), Inputs::kLoaded)),
      parameters_(parameter_count() * sizeof(float), "the dense net's parameters"),
      optimizer_(this->config().optimizer, tensors(), config.threads) {
  for (const std::size_t features : plan_.regions) {
    starts_.push_back(floats_);
    floats_ += features * kBlockRows;
  }
  for (std::size_t n = 0; n < plan_.nodes.size(); ++n) {
    if (!plan_.nodes[n].runs) continue;
    const OpContext context(head(), plan_, starts_, n);
    steps_.push_back({&plan_.nodes[n], context, make_op(context, n)});
    scratch_ = std::max(scratch_, steps_.back().op->scratch());
  }
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

Block CpuDenseNet::block_at(float* room, std::size_t rows, const float* dense, const float* vectors) const {
  return {rows, groups_of(rows), room, room + floats_, parameters_.as<float>(), dense, vectors};
}

void CpuDenseNet::forward(Block& block) const {
  for (const Step& step : steps_) step.op->forward(block);
}

void CpuDenseNet::backward(Block& block) const {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    for (const Place& place : step->plan->clear) {
      const Slot slot = step->context.slot(place);
      clear_lanes(slot.lanes(block), slot.features, block.groups);
    }
    step->op->backward(block);
    for (const auto& [value, gradient] : step->plan->masking) {
      const Slot slot = step->context.slot(value);
      mask_lanes(slot.lanes(block), step->context.slot(gradient).lanes(block), slot.features, block.groups);
    }
  }
}

double CpuDenseNet::run_step(const float* dense, const float* embeddings, const float* labels, std::size_t batch,
                             float* gradient) {
  const std::size_t blocks = (batch + kBlockRows - 1) / kBlockRows, shards = std::min(blocks, kShards);
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
      const std::size_t first = b * kBlockRows, rows = std::min(kBlockRows, batch - first);
      Block block = block_at(space.room(), rows, dense + first * config().dense, embeddings + first * vectors);
      block.labels = labels + first;
      block.scale = 1.0f / static_cast<float>(batch);
      block.parameter_gradient = sums;
      block.vector_gradient = gradient + first * vectors;
      forward(block);
      backward(block);
      losses[b] = block.loss;
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
  const std::size_t blocks = (batch + kBlockRows - 1) / kBlockRows, vectors = vector_floats();
  const Slot logit = steps_.back().context.slot(steps_.back().plan->inputs[0]);
  parallel_for(blocks, config().threads, [&](std::size_t b) {
    const Lease space(*this);
    const std::size_t first = b * kBlockRows, rows = std::min(kBlockRows, batch - first);
    Block block = block_at(space.room(), rows, dense + first * config().dense, embeddings + first * vectors);
    forward(block);
    const Lanes out = logit.lanes(block);
    for (std::size_t r = 0; r < rows; ++r) {
      logits[first + r] = out.data[r / kLanes * out.group + r % kLanes];
    }
  });
}

}  // namespace collide
