#include "core/dense/net.h"

#include <cmath>

#include "core/dense/init.h"
#include "core/support/error.h"

namespace collide {

namespace {

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

bool overlap(Span<const float> a, Span<const float> b) {
  return a.data < b.data + b.size && b.data < a.data + a.size;
}

}  // namespace

DenseNet::DenseNet(const DenseNetConfig& config) : config_(checked(config)) {
  const auto tensor = [&](std::size_t size) {
    tensors_.push_back(size);
    parameter_count_ += size;
    return parameter_count_ - size;
  };
  const auto shapes = [&](std::size_t inputs, const std::vector<std::size_t>& widths) {
    std::vector<DenseShape> result;
    for (const std::size_t outputs : widths) {
      const std::size_t weights = tensor(inputs * outputs), bias = tensor(outputs);
      result.push_back({inputs, outputs, weights, bias});
      inputs = outputs;
    }
    return result;
  };
  bottom_ = shapes(config.dense, config.bottom);
  if (config.dense == 0) tensor(config.dim);
  top_ = shapes(config.dim + dots(), config.top);
  if (parameter_count_ > kMostParameters) {
    fail("INVALID_ARGUMENT", "Expected at most ", kMostParameters, " parameters in a dense net, received ",
         parameter_count_);
  }
}

void DenseNet::first_parameters(float* values) const {
  if (bottom_.empty()) draw_normal(config_.seed, 0, config_.dim, 1.0 / static_cast<double>(config_.dim), values);
  for (const auto* layers : {&bottom_, &top_}) {
    for (const DenseShape& s : *layers) {
      const auto inputs = static_cast<double>(s.inputs), outputs = static_cast<double>(s.outputs);
      draw_normal(config_.seed, s.weights, s.inputs * s.outputs, 2.0 / (inputs + outputs), values);
      draw_normal(config_.seed, s.bias, s.outputs, 1.0 / outputs, values);
    }
  }
  enliven(bottom_, top_, config_.dim, values);
}

void DenseNet::check_inputs(Span<const float> dense, std::size_t embeddings, std::size_t batch,
                            const char* what) const {
  const auto same = [&](std::size_t size, std::size_t width, const char* name) {
    if (size == batch * width) return;
    fail("INVALID_ARGUMENT", "Expected ", batch * width, " values for ", name, " (", batch, " ", what, " of ", width,
         " each), received ", size);
  };
  same(dense.size, config_.dense, "dense");
  same(embeddings, vector_floats(), "embeddings");
}

void DenseNet::check_step(Span<const float> dense, std::size_t embeddings, Span<const float> labels) const {
  if (labels.size == 0) fail("INVALID_ARGUMENT", "Expected at least one label for a step, received none");
  check_inputs(dense, embeddings, labels.size, "labels");
  for (std::size_t r = 0; r < labels.size; ++r) {
    if (labels.data[r] != 0.0f && labels.data[r] != 1.0f) {
      fail("INVALID_LABEL", "Expected 0 or 1 for labels[", r, "], received ", labels.data[r]);
    }
  }
}

double DenseNet::step(Span<const float> dense, Span<const float> embeddings, Span<const float> labels,
                      Span<float> gradient) {
  check_step(dense, embeddings.size, labels);
  if (gradient.size != embeddings.size) {
    fail("INVALID_ARGUMENT", "Expected ", embeddings.size, " values for gradient, received ", gradient.size);
  }
  const Span<const float> written{gradient.data, gradient.size};
  if (overlap(written, dense) || overlap(written, embeddings) || overlap(written, labels)) {
    fail("INVALID_ARGUMENT", "Expected gradient to share no memory with dense, embeddings or labels");
  }
  return run_step(dense.data, embeddings.data, labels.data, labels.size, gradient.data);
}

void DenseNet::predict(Span<const float> dense, Span<const float> embeddings, Span<float> logits) const {
  check_predict(dense, embeddings.size, logits.size);
  const Span<const float> written{logits.data, logits.size};
  if (overlap(written, dense) || overlap(written, embeddings)) {
    fail("INVALID_ARGUMENT", "Expected logits to share no memory with dense or embeddings");
  }
  if (logits.size > 0) run_predict(dense.data, embeddings.data, logits.size, logits.data);
}

void DenseNet::write_parameters(Span<const float> values) {
  if (values.size != parameter_count_) {
    fail("INVALID_ARGUMENT", "Expected ", parameter_count_, " values for parameters, received ", values.size);
  }
  for (std::size_t i = 0; i < values.size; ++i) {
    if (std::isfinite(values.data[i])) continue;
    fail("INVALID_ARGUMENT", "Expected a finite number for parameters[", i, "], received ", values.data[i]);
  }
  store_parameters(values.data);
}

void DenseNet::write_state(Span<const float> values) {
  if (values.size != state_count()) {
    fail("INVALID_ARGUMENT", "Expected ", state_count(), " values for state, received ", values.size);
  }
  for (std::size_t i = 0; i < values.size; ++i) {
    if (possible_dense_state(config_.optimizer, parameter_count_, i, values.data[i])) continue;
    fail("INVALID_ARGUMENT", "Expected a value that the optimizer can have for state[", i, "], received ",
         values.data[i]);
  }
  store_state(values.data);
}

}  // namespace collide
