// cpu/dense/net.h under the sanitizers: every kernel width, many shapes, batches around a block, several threads. All
// of them must give the same bits (in a build for one instruction set) and the logits of a plain float64 forward pass.
// test/model has the comparison of every gradient with a reference.
#include "cpu/dense/net.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "core/support/error.h"
#include "core/support/random.h"
#include "dlrm.h"

namespace collide {
int& vector_bytes();  // cpu/dense/simd.h, which changes how the file that includes it is compiled
}

namespace {

using collide::CpuDenseNet;
using collide::DenseNet;
using collide::DenseNetConfig;
using Kind = decltype(collide::DenseOptimizerConfig::kind);

const Kind kSgd = collide::dense_optimizers::Sgd{};
const Kind kAdagrad = collide::dense_optimizers::Adagrad{.epsilon = 1e-6};
const Kind kLamb = collide::dense_optimizers::Lamb{.epsilon = 1e-6, .beta1 = 0.9, .beta2 = 0.999, .weight_decay = 0};

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

struct DlrmConfig : DenseNetConfig {
  std::vector<std::size_t> bottom, top;
  void make_head() { head = collide::dlrm(dense, dim, bottom, top); }
};

DlrmConfig shape(std::size_t dense, std::size_t vectors, std::size_t dim, std::vector<std::size_t> bottom,
                 std::vector<std::size_t> top, const Kind& kind = kLamb) {
  DlrmConfig config;
  config.dense = dense;
  config.vectors = vectors;
  config.dim = dim;
  config.bottom = std::move(bottom);
  config.top = std::move(top);
  config.optimizer = {kind, 0.01};
  config.make_head();
  return config;
}

struct Batch {
  std::vector<float> dense, embeddings, labels, gradient, logits;

  Batch(const DenseNetConfig& config, std::size_t rows, std::uint64_t seed)
      : dense(rows * config.dense),
        embeddings(rows * config.vectors * config.dim),
        labels(rows),
        gradient(embeddings.size()),
        logits(rows) {
    std::uint64_t n = 0;
    for (auto* values : {&dense, &embeddings}) {
      for (float& x : *values) x = 2 * collide::uniform01(seed, n++) - 1;
    }
    for (float& y : labels) y = collide::uniform01(seed, n++) < 0.3f ? 1.0f : 0.0f;
  }
  double step(DenseNet& net) {
    return net.step({dense.data(), dense.size()}, {embeddings.data(), embeddings.size()},
                    {labels.data(), labels.size()}, {gradient.data(), gradient.size()});
  }
  void predict(const DenseNet& net) {
    net.predict({dense.data(), dense.size()}, {embeddings.data(), embeddings.size()}, {logits.data(), logits.size()});
  }
};

std::vector<float> parameters(const DenseNet& net) {
  std::vector<float> values(net.parameter_count());
  net.read_parameters(values.data());
  return values;
}
std::vector<float> state(const DenseNet& net) {
  std::vector<float> values(net.state_count());
  net.read_state(values.data());
  return values;
}

// Everything that two steps and a prediction make.
struct Outcome {
  std::vector<double> losses;
  std::vector<float> values;
  bool operator==(const Outcome&) const = default;
};

Outcome run(DenseNetConfig config, std::size_t rows, unsigned threads) {
  config.threads = threads;
  CpuDenseNet net(config);
  Outcome outcome;
  for (std::uint64_t step = 0; step < 2; ++step) {
    Batch batch(config, rows, step);
    outcome.losses.push_back(batch.step(net));
    batch.predict(net);
    outcome.values.insert(outcome.values.end(), batch.gradient.begin(), batch.gradient.end());
    outcome.values.insert(outcome.values.end(), batch.logits.begin(), batch.logits.end());
  }
  for (const auto& values : {parameters(net), state(net)}) {
    outcome.values.insert(outcome.values.end(), values.begin(), values.end());
  }
  return outcome;
}

// The logit of one row, in float64, from the definition.
double logit(const DlrmConfig& config, const float* parameters, const float* dense, const float* embeddings) {
  const auto layers = [&](std::vector<double> values, const std::vector<std::size_t>& widths, bool linear_last) {
    for (std::size_t l = 0; l < widths.size(); ++l) {
      std::vector<double> next(widths[l]);
      for (std::size_t o = 0; o < widths[l]; ++o) {
        next[o] = parameters[values.size() * widths[l] + o];
        for (std::size_t i = 0; i < values.size(); ++i) next[o] += values[i] * parameters[i * widths[l] + o];
        if (!linear_last || l + 1 < widths.size()) next[o] = std::max(0.0, next[o]);
      }
      parameters += (values.size() + 1) * widths[l];
      values = next;
    }
    return values;
  };
  std::vector<std::vector<double>> x(1);
  if (config.dense > 0) {
    x[0] = layers(std::vector<double>(dense, dense + config.dense), config.bottom, false);
  } else {
    x[0].assign(parameters, parameters + config.dim);
    parameters += config.dim;
  }
  for (std::size_t v = 0; v < config.vectors; ++v) {
    x.emplace_back(embeddings + v * config.dim, embeddings + (v + 1) * config.dim);
  }
  std::vector<double> z = x[0];
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      double dot = 0;
      for (std::size_t d = 0; d < config.dim; ++d) dot += x[i][d] * x[j][d];
      z.push_back(dot);
    }
  }
  return layers(z, config.top, true)[0];
}

void logits_of_the_definition(const DlrmConfig& config, std::size_t rows, const std::string& name) {
  const CpuDenseNet net(config);
  Batch batch(config, rows, 5);
  batch.predict(net);
  const std::vector<float> values = parameters(net);
  double error = 0, size = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const double exact = logit(config, values.data(), batch.dense.data() + r * config.dense,
                               batch.embeddings.data() + r * config.vectors * config.dim);
    error += (batch.logits[r] - exact) * (batch.logits[r] - exact);
    size += exact * exact;
  }
  check(error <= 1e-10 * size,
        name + ": logits, relative error in the Euclidean norm " + std::to_string(std::sqrt(error / size)));
}

void widths_and_threads() {
  const std::vector<DlrmConfig> shapes = {
      shape(2, 8, 16, {64, 16}, {64, 1}), shape(0, 1, 1, {}, {1}, kSgd),           shape(0, 3, 2, {}, {7, 1}, kAdagrad),
      shape(1, 2, 17, {17}, {33, 9, 1}),  shape(13, 5, 3, {31, 3}, {1}, kAdagrad), shape(3, 27, 5, {5}, {20, 1}),
      shape(0, 1, 3, {}, {130, 70, 1}),
  };
#ifdef COLLIDE_NO_MULTIVERSION
  const int widest = 64;
#else
  const int widest = collide::vector_bytes();
#endif
  const int chosen = collide::vector_bytes();
  for (std::size_t s = 0; s < shapes.size(); ++s) {
    for (const std::size_t rows : {1, 15, 16, 129, 300}) {
      Outcome first;
      for (int bytes = 16; bytes <= widest; bytes *= 2) {
        collide::vector_bytes() = bytes;
        const std::string name =
            "shape " + std::to_string(s) + ", " + std::to_string(rows) + " rows, " + std::to_string(bytes) + " bytes";
        logits_of_the_definition(shapes[s], rows, name);
        const Outcome alone = run(shapes[s], rows, 1);
        for (const unsigned threads : {2, 3, 7}) {
          check(run(shapes[s], rows, threads) == alone, name + ": bits with " + std::to_string(threads) + " threads");
        }
        if (bytes == 16) first = alone;
#ifdef COLLIDE_NO_MULTIVERSION
        check(alone == first, name + ": bits as with 16 bytes");
#endif
      }
    }
  }
  collide::vector_bytes() = chosen;
}

void many_blocks_and_a_parallel_optimizer() {
  const auto small = shape(0, 2, 2, {}, {3, 1});
  check(run(small, 128 * 70 + 3, 4) == run(small, 128 * 70 + 3, 1), "more blocks than shards: bits");
  const auto large = shape(1, 1, 4, {4}, {300, 250, 1});
  check(run(large, 40, 4) == run(large, 40, 1), "75,000 parameters: bits");
}

void two_nets_at_once() {
  const auto config = shape(2, 4, 8, {16, 8}, {16, 1});
  const Outcome alone = run(config, 700, 2);
  Outcome first, second;
  std::thread other([&] { first = run(config, 700, 2); });
  second = run(config, 700, 3);
  other.join();
  check(first == alone && second == alone, "two threads that train at once");
}

void refused(const std::string& code, const std::string& what, const std::function<void()>& use) {
  std::string found;
  try {
    use();
  } catch (const collide::Error& error) {
    found = error.code;
  }
  check(found == code, what + ": expected " + code + ", found " + (found.empty() ? "no error" : found));
}

void bad_input() {
  const auto good = shape(2, 3, 4, {4}, {5, 1});
  const auto config = [&](const std::function<void(DlrmConfig&)>& change) {
    refused("INVALID_ARGUMENT", "a bad configuration", [&] {
      DlrmConfig bad = good;
      change(bad);
      const CpuDenseNet net(bad);
    });
  };
  config([](DlrmConfig& c) { c.vectors = 0; });
  config([](DlrmConfig& c) { c.dim = 1025; });
  config([](DlrmConfig& c) { c.dense = 0; });
  config([](DlrmConfig& c) {
    c.bottom = {};
    c.make_head();
  });
  config([](DlrmConfig& c) {
    c.bottom = {5};
    c.make_head();
  });
  config([](DlrmConfig& c) {
    c.top = {};
    c.make_head();
  });
  config([](DlrmConfig& c) {
    c.top = {2};
    c.make_head();
  });
  config([](DlrmConfig& c) {
    c.top = {0, 1};
    c.make_head();
  });
  config([](DlrmConfig& c) {
    c.top = {65536, 65536, 1};
    c.make_head();
  });

  CpuDenseNet net(good);
  const std::vector<float> before = parameters(net);
  const auto step = [&](const std::string& code, const std::string& what, const std::function<void(Batch&)>& change) {
    Batch batch(good, 10, 1);
    change(batch);
    refused(code, what, [&] { batch.step(net); });
  };
  step("INVALID_ARGUMENT", "short dense", [](Batch& b) { b.dense.pop_back(); });
  step("INVALID_ARGUMENT", "long embeddings", [](Batch& b) { b.embeddings.push_back(0); });
  step("INVALID_ARGUMENT", "short gradient", [](Batch& b) { b.gradient.pop_back(); });
  step("INVALID_ARGUMENT", "no rows", [](Batch& b) { b.labels.clear(); });
  step("INVALID_LABEL", "a label of 0.5", [](Batch& b) { b.labels[9] = 0.5f; });
  step("INVALID_LABEL", "a label that is not a number", [](Batch& b) { b.labels[0] = std::nanf(""); });
  refused("INVALID_ARGUMENT", "gradient over embeddings", [&] {
    Batch b(good, 10, 1);
    net.step({b.dense.data(), 20}, {b.embeddings.data(), 120}, {b.labels.data(), 10}, {b.embeddings.data(), 120});
  });
  Batch broken(good, 10, 1);
  broken.embeddings[50] = std::numeric_limits<float>::quiet_NaN();
  check(std::isnan(broken.step(net)), "a NaN input gives a NaN loss");
  refused("INVALID_ARGUMENT", "one parameter", [&] { net.write_parameters({before.data(), 1}); });
  check(parameters(net) == before, "after all this the parameters are as before");
  Batch empty(good, 0, 1);
  empty.predict(net);
  check(true, "predict of no rows");
}

}  // namespace

int main() {
  widths_and_threads();
  many_blocks_and_a_parallel_optimizer();
  two_nets_at_once();
  bad_input();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
