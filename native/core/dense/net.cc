#include "core/dense/net.h"

#include <cmath>

#include "core/dense/init.h"
#include "core/support/error.h"

namespace collide {

namespace {

constexpr std::size_t kMostVectors = 1024, kMostDim = 1024;

const DenseNetConfig& checked(const DenseNetConfig& c) {
  const auto within = [](std::size_t value, std::size_t least, std::size_t most, const char* what) {
    if (value < least || value > most) {
      fail("INVALID_ARGUMENT", "Expected ", what, " from ", least, " to ", most, ", received ", value);
    }
  };
  within(c.dense, 0, kMostWidth, "a number of dense inputs");
  within(c.vectors, 1, kMostVectors, "a number of embedding vectors");
  within(c.dim, 1, kMostDim, "a dim");
  return c;
}

bool overlap(Span<const float> a, Span<const float> b) {
  return a.data < b.data + b.size && b.data < a.data + a.size;
}

}  // namespace

DenseNet::DenseNet(const DenseNetConfig& config)
    : config_(checked(config)), head_(config.dense, config.vectors, config.dim, config.head) {
  for (const ParameterTensor& tensor : head_.tensors()) tensors_.push_back(tensor.size());
}

void DenseNet::first_parameters(float* values) const {
  first_values(head_, config_.seed, values);
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
  if (values.size != parameter_count()) {
    fail("INVALID_ARGUMENT", "Expected ", parameter_count(), " values for parameters, received ", values.size);
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
    if (possible_dense_state(config_.optimizer, parameter_count(), i, values.data[i])) continue;
    fail("INVALID_ARGUMENT", "Expected a value that the optimizer can have for state[", i, "], received ",
         values.data[i]);
  }
  store_state(values.data);
}

}  // namespace collide
