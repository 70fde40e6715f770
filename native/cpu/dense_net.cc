#include "cpu/dense_net.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/random.h"
#include "cpu/dense_loss.h"
#include "cpu/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kBlock = 128;  // rows
constexpr std::size_t kShards = 32;  // at most: tasks of a step, and gradients to add up
constexpr std::size_t kMostWidth = 65536, kMostVectors = 1024, kMostDim = 1024, kMostLayers = 32;
constexpr std::size_t kMostParameters = std::size_t{1} << 28;

const DenseNetConfig& checked(const DenseNetConfig& c) {
  const auto within = [](std::size_t value, std::size_t least, std::size_t most, const char* what) {
    if (value < least || value > most) {
      fail("INVALID_ARGUMENT", "Expected ", what, " from ", least, " to ", most, ", received ", value);
    }
  };
  within(c.dense, 0, kMostWidth, "a number of dense inputs");
  within(c.vectors, 1, kMostVectors, "a number of embedding vectors");
  within(c.dim, 1, kMostDim, "a dim");
  within(c.bottom.size(), c.dense > 0 ? 1 : 0, c.dense > 0 ? kMostLayers : 0,
         c.dense > 0 ? "a number of bottom layers" : "a number of bottom layers (none without dense inputs)");
  within(c.top.size(), 1, kMostLayers, "a number of top layers");
  for (const std::size_t width : c.bottom) within(width, 1, kMostWidth, "a bottom layer's width");
  for (const std::size_t width : c.top) within(width, 1, kMostWidth, "a top layer's width");
  if (!c.bottom.empty() && c.bottom.back() != c.dim) {
    fail("INVALID_ARGUMENT", "Expected the last bottom layer to be dim = ", c.dim, " wide, received ", c.bottom.back());
  }
  if (c.top.back() != 1) {
    fail("INVALID_ARGUMENT", "Expected the last top layer to be 1 wide, received ", c.top.back());
  }
  return c;
}

// The n-th standard normal number of a seed (Box-Muller).
float normal(std::uint64_t seed, std::uint64_t n) {
  const double u = 1.0 - uniform01(seed, 2 * n), v = uniform01(seed, 2 * n + 1);
  return static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v));
}

std::size_t groups_of(std::size_t rows) {
  return (rows + kLanes - 1) / kLanes;
}

bool overlap(Span<const float> a, Span<const float> b) {
  return a.data < b.data + b.size && b.data < a.data + a.size;
}

}  // namespace

// The intermediates of one block. Backward writes gradients over the activations they belong to.
struct DenseNet::Workspace {
  Workspace(const DenseNet& net) {
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
    bottom.resize(net.bottom_.size());
    top.resize(net.top_.size());
    add(dense, net.config_.dense);
    for (std::size_t l = 0; l + 1 < bottom.size(); ++l) add(bottom[l], net.bottom_[l].outputs);
    add(block, net.interaction_.first() + net.interaction_.outputs());
    for (std::size_t l = 0; l < top.size(); ++l) add(top[l], net.top_[l].outputs);
    add(gradient, net.interaction_.outputs());
    for (const auto* shapes : {&net.bottom_, &net.top_}) {
      for (const Shape& shape : *shapes)
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
class DenseNet::Lease {
 public:
  explicit Lease(const DenseNet& net) : net_(net) {
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
  const DenseNet& net_;
  std::unique_ptr<Workspace> space_;
};

DenseNet::DenseNet(const DenseNetConfig& config) : config_(checked(config)), interaction_(config.vectors, config.dim) {
  std::size_t total = 0;
  std::vector<std::size_t> tensors;
  const auto tensor = [&](std::size_t size) {
    tensors.push_back(size);
    total += size;
    return total - size;
  };
  const auto shapes = [&](std::size_t inputs, const std::vector<std::size_t>& widths) {
    std::vector<Shape> result;
    for (const std::size_t outputs : widths) {
      const std::size_t weights = tensor(inputs * outputs), bias = tensor(outputs);
      result.push_back({inputs, outputs, weights, bias});
      inputs = outputs;
    }
    return result;
  };
  bottom_ = shapes(config.dense, config.bottom);
  if (config.dense == 0) tensor(config.dim);
  top_ = shapes(interaction_.outputs(), config.top);
  if (total > kMostParameters) {
    fail("INVALID_ARGUMENT", "Expected at most ", kMostParameters, " parameters in a dense net, received ", total);
  }
  parameters_ = Memory(total * sizeof(float), "the dense net's parameters");
  optimizer_ = std::make_unique<DenseOptimizer>(config.optimizer, tensors, config.threads);

  float* const values = parameters_.as<float>();
  const auto fill = [&](std::size_t from, std::size_t count, double deviation) {
    const auto scale = static_cast<float>(deviation);
    for (std::size_t i = from; i < from + count; ++i) values[i] = scale * normal(config.seed, i);
  };
  for (const auto* layers : {&bottom_, &top_}) {
    for (const Shape& s : *layers) {
      fill(s.weights, s.inputs * s.outputs, std::sqrt(2.0 / static_cast<double>(s.inputs + s.outputs)));
      fill(s.bias, s.outputs, std::sqrt(1.0 / static_cast<double>(s.outputs)));
    }
  }
  if (config.dense == 0) fill(0, config.dim, std::sqrt(1.0 / static_cast<double>(config.dim)));
}

DenseNet::~DenseNet() = default;

Layer DenseNet::layer(const Shape& shape) const {
  const float* values = parameters_.as<float>();
  return {shape.inputs, shape.outputs, values + shape.weights, values + shape.bias};
}

void DenseNet::check(Span<const float> dense, Span<const float> embeddings, std::size_t batch, const char* what) const {
  const auto same = [&](std::size_t size, std::size_t width, const char* name) {
    if (size == batch * width) return;
    fail("INVALID_ARGUMENT", "Expected ", batch * width, " values for ", name, " (", batch, " ", what, " of ", width,
         " each), received ", size);
  };
  same(dense.size, config_.dense, "dense");
  same(embeddings.size, config_.vectors * config_.dim, "embeddings");
}

void DenseNet::write_parameters(Span<const float> values) {
  const Span<float> own = parameters();
  if (values.size != own.size) {
    fail("INVALID_ARGUMENT", "Expected ", own.size, " values for parameters, received ", values.size);
  }
  for (std::size_t i = 0; i < values.size; ++i) {
    if (std::isfinite(values.data[i])) continue;
    fail("INVALID_ARGUMENT", "Expected a finite number for parameters[", i, "], received ", values.data[i]);
  }
  std::copy_n(values.data, values.size, own.data);
}

void DenseNet::write_state(Span<const float> values) {
  const Span<float> own = state();
  if (values.size != own.size) {
    fail("INVALID_ARGUMENT", "Expected ", own.size, " values for state, received ", values.size);
  }
  for (std::size_t i = 0; i < values.size; ++i) {
    if (optimizer_->possible_state(i, values.data[i])) continue;
    fail("INVALID_ARGUMENT", "Expected a value that the optimizer can have for state[", i, "], received ",
         values.data[i]);
  }
  std::copy_n(values.data, values.size, own.data);
}

void DenseNet::forward(Workspace& space, const float* dense, const float* embeddings, std::size_t rows) const {
  const std::size_t groups = groups_of(rows);
  load_rows(embeddings, rows, interaction_.first(), space.block);
  const Lanes z = space.block.from(interaction_.first());
  if (bottom_.empty()) {
    fill_rows(parameters_.as<float>(), config_.dim, groups, z);
  } else {
    load_rows(dense, rows, config_.dense, space.dense);
    for (std::size_t l = 0; l < bottom_.size(); ++l) {
      layer_forward(layer(bottom_[l]), l == 0 ? space.dense : space.bottom[l - 1], space.bottom[l], groups, true,
                    space.scratch);
    }
  }
  interaction_.forward(space.block, groups);
  for (std::size_t l = 0; l < top_.size(); ++l) {
    layer_forward(layer(top_[l]), l == 0 ? z : space.top[l - 1], space.top[l], groups, l + 1 < top_.size(),
                  space.scratch);
  }
}

// Expects d loss / d logits in place of the logits.
void DenseNet::backward(Workspace& space, std::size_t rows, float* parameter_gradient, float* vector_gradient) const {
  const std::size_t groups = groups_of(rows);
  const Lanes z = space.block.from(interaction_.first());
  const auto weights = [&](const Shape& shape, Lanes output_gradient, Lanes input) {
    layer_backward_weights(layer(shape), output_gradient, input, groups, parameter_gradient + shape.weights,
                           parameter_gradient + shape.bias, space.scratch);
  };
  for (std::size_t l = top_.size(); l-- > 0;) {
    weights(top_[l], space.top[l], l == 0 ? z : space.top[l - 1]);
    layer_backward_input(layer(top_[l]), space.top[l], l == 0 ? space.gradient : space.top[l - 1], groups, l > 0);
  }
  interaction_.backward(space.block, space.gradient, rows, !bottom_.empty(), vector_gradient, space.scratch);
  if (bottom_.empty()) {
    add_row_sums(space.gradient, config_.dim, groups, parameter_gradient);
    return;
  }
  for (std::size_t l = bottom_.size(); l-- > 0;) {
    const Lanes output_gradient = l + 1 == bottom_.size() ? space.gradient : space.bottom[l];
    weights(bottom_[l], output_gradient, l == 0 ? space.dense : space.bottom[l - 1]);
    if (l > 0) layer_backward_input(layer(bottom_[l]), output_gradient, space.bottom[l - 1], groups, true);
  }
}

double DenseNet::step(Span<const float> dense, Span<const float> embeddings, Span<const float> labels,
                      Span<float> gradient) {
  const std::size_t batch = labels.size, vectors = interaction_.first();
  if (batch == 0) fail("INVALID_ARGUMENT", "Expected at least one label for a step, received none");
  check(dense, embeddings, batch, "labels");
  if (gradient.size != embeddings.size) {
    fail("INVALID_ARGUMENT", "Expected ", embeddings.size, " values for gradient, received ", gradient.size);
  }
  const Span<const float> written{gradient.data, gradient.size};
  if (overlap(written, dense) || overlap(written, embeddings) || overlap(written, labels)) {
    fail("INVALID_ARGUMENT", "Expected gradient to share no memory with dense, embeddings or labels");
  }
  for (std::size_t r = 0; r < batch; ++r) {
    if (labels.data[r] != 0.0f && labels.data[r] != 1.0f) {
      fail("INVALID_LABEL", "Expected 0 or 1 for labels[", r, "], received ", labels.data[r]);
    }
  }

  const std::size_t blocks = (batch + kBlock - 1) / kBlock, shards = std::min(blocks, kShards);
  const std::size_t parameters = this->parameters().size;
  const std::size_t bytes = shards * parameters * sizeof(float);
  if (gradients_.bytes() < bytes) gradients_ = Memory(bytes, "the dense net's gradients");
  std::vector<double> losses(blocks);
  parallel_for(shards, config_.threads, [&](std::size_t s) {
    const Lease space(*this);
    float* const sums = gradients_.as<float>() + s * parameters;
    std::fill_n(sums, parameters, 0.0f);
    for (std::size_t b = s * blocks / shards; b < (s + 1) * blocks / shards; ++b) {
      const std::size_t first = b * kBlock, rows = std::min(kBlock, batch - first);
      forward(*space, dense.data + first * config_.dense, embeddings.data + first * vectors, rows);
      losses[b] = loss_backward((*space).top.back(), labels.data + first, rows, 1.0f / static_cast<float>(batch));
      backward(*space, rows, sums, gradient.data + first * vectors);
    }
  });
  double loss = 0;
  for (const double part : losses) loss += part;
  loss /= static_cast<double>(batch);
  if (std::isfinite(loss)) {
    optimizer_->step(parameters_.as<float>(), gradients_.as<float>(), shards, parameters);
  }
  return loss;
}

void DenseNet::predict(Span<const float> dense, Span<const float> embeddings, Span<float> logits) const {
  check(dense, embeddings, logits.size, "logits");
  const Span<const float> written{logits.data, logits.size};
  if (overlap(written, dense) || overlap(written, embeddings)) {
    fail("INVALID_ARGUMENT", "Expected logits to share no memory with dense or embeddings");
  }
  const std::size_t batch = logits.size, vectors = interaction_.first();
  const std::size_t blocks = (batch + kBlock - 1) / kBlock;
  parallel_for(blocks, config_.threads, [&](std::size_t b) {
    const Lease space(*this);
    const std::size_t first = b * kBlock, rows = std::min(kBlock, batch - first);
    forward(*space, dense.data + first * config_.dense, embeddings.data + first * vectors, rows);
    const Lanes& out = (*space).top.back();
    for (std::size_t r = 0; r < rows; ++r) {
      logits.data[first + r] = out.data[r / kLanes * out.group + r % kLanes];
    }
  });
}

}  // namespace collide
