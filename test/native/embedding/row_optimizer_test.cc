// cpu/embedding/row_optimizer.h against the formulas in float64: every optimizer, precision, clipping and weight decay
// over several steps and all kinds of widths. A checksum pins the bits for every instruction set.
#include "cpu/embedding/row_optimizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "core/support/error.h"
#include "core/support/named_kinds.h"
#include "core/support/random.h"

namespace {

using collide::EmbeddingOptimizer;
using collide::OptimizerSettings;
using collide::OptimizerStep;
using collide::Precision;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

// The numbers of every optimizer; each takes those that it has.
struct Numbers {
  float learning_rate = 0.02f, epsilon = 1e-8f, beta1 = 0.9f, beta2 = 0.999f, weight_decay = 0, max_row_norm = 0;
  float beta = 1e-3f, l1 = 0.01f, l2 = 0.02f;

  float read(const std::string& name) const {
    if (name == "epsilon") return epsilon;
    if (name == "beta1") return beta1;
    if (name == "beta2") return beta2;
    if (name == "weightDecay") return weight_decay;
    if (name == "beta") return beta;
    return name == "l1" ? l1 : l2;
  }
};

// Of every kind in the list, by name.
std::vector<std::string> kind_names() {
  const auto all = []<typename... Kinds>(const std::variant<Kinds...>*) {
    return std::vector<std::string>{Kinds::kName...};
  };
  return all(static_cast<const EmbeddingOptimizer*>(nullptr));
}

OptimizerSettings settings_of(const std::string& kind, const Numbers& numbers) {
  OptimizerSettings settings{collide::named_kind<EmbeddingOptimizer>(kind, "a test"), numbers.learning_rate,
                             numbers.max_row_norm};
  std::visit([&](auto& optimizer) { optimizer.read_options([&](const char* name) { return numbers.read(name); }); },
             settings.kind);
  return settings;
}

constexpr Precision kPrecisions[] = {Precision::kFloat32, Precision::kFloat16, Precision::kBfloat16};
const char* const kPrecisionNames[] = {"float32", "float16", "bfloat16"};

std::uint64_t checksum = 0, checksum_of_ftrl = 0;
void add_to_checksum(std::uint64_t& checksum, const void* data, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    checksum = collide::mix64(checksum ^ static_cast<const std::uint8_t*>(data)[i]);
  }
}

// One row's step in float64, from the formulas, term by term.
void reference_step(const std::string& kind, const Numbers& numbers, int t, std::vector<double>& w,
                    std::vector<double>& state, std::vector<double> g) {
  const std::size_t width = w.size();
  const double lr = numbers.learning_rate, eps = numbers.epsilon, decay = numbers.weight_decay;
  const double b1 = numbers.beta1, b2 = numbers.beta2;
  double squares = 0;
  for (const double x : g) squares += x * x;
  const double norm = std::sqrt(squares);
  if (numbers.max_row_norm > 0 && norm > numbers.max_row_norm) {
    for (double& x : g) x *= numbers.max_row_norm / norm;
    squares *= numbers.max_row_norm / norm * numbers.max_row_norm / norm;
  }
  const double mean = squares / static_cast<double>(width);
  const bool adam = kind == "adam" || kind == "rowwise-adam";
  if (kind == "rowwise-adagrad") state[0] += mean;
  if (kind == "rowwise-adam") state[width] = b2 * state[width] + (1 - b2) * mean;
  for (std::size_t j = 0; j < width; ++j) {
    if (kind == "ftrl") {
      // The paper's z, of sums of gradients and of sigma w; see ftrl.h for the first.
      double &z = state[j], &n = state[width + j];
      if (n == 0 && g[j] == 0) continue;
      const double old = n == 0 ? -numbers.beta / lr * w[j] : z / lr, root = std::sqrt(n);
      n += g[j] * g[j];
      const double moved = old + g[j] - (std::sqrt(n) - root) / lr * w[j];
      z = lr * moved;
      const double strength = (numbers.beta + std::sqrt(n)) / lr + numbers.l2;
      w[j] = std::fabs(moved) <= numbers.l1 ? 0 : -(moved - std::copysign(double{numbers.l1}, moved)) / strength;
      continue;
    }
    double direction = g[j];
    if (kind == "adagrad") state[j] += g[j] * g[j];
    if (adam) state[j] = b1 * state[j] + (1 - b1) * g[j];
    if (kind == "adam") state[width + j] = b2 * state[width + j] + (1 - b2) * g[j] * g[j];
    if (kind == "adagrad") direction = g[j] / (std::sqrt(state[j]) + eps);
    if (kind == "rowwise-adagrad") direction = g[j] / (std::sqrt(state[0]) + eps);
    if (adam) {
      const double v = kind == "adam" ? state[width + j] : state[width];
      direction = state[j] / (1 - std::pow(b1, t)) / (std::sqrt(v / (1 - std::pow(b2, t))) + eps);
    }
    w[j] -= lr * (direction + decay * w[j]);
  }
}

// A value that `precision` holds, from random bits.
float representable(Precision precision, std::uint64_t seed, std::uint64_t n) {
  const float value = collide::uniform01(seed, n) - 0.5f;
  std::uint8_t bytes[4];
  float exact;
  collide::encode_rows(precision, &value, 1, 1, bytes);
  collide::decode_rows(precision, bytes, 1, 1, &exact);
  return exact;
}

// Relative to the expected value, or to `terms` if the value is a sum of terms that large with either sign.
bool close(double actual, double expected, double terms = 0, double relative = 1e-5) {
  return std::fabs(actual - expected) <= relative * std::max(std::fabs(expected), terms);
}

struct Outcome {
  int weights = 0, states = 0;  // how many are wrong
};

// Several steps of a few rows. After each, float32 weights must be the reference's; a float16 or bfloat16 weight must
// be one of the two neighbours of what the reference makes of the weight that was stored before.
Outcome compare(const std::string& kind, const Numbers& numbers, Precision precision, std::size_t width,
                std::uint64_t seed) {
  constexpr std::size_t kRows = 3;
  constexpr int kSteps = 4;
  const OptimizerSettings settings = settings_of(kind, numbers);
  const std::size_t bytes = collide::row_bytes(precision, width), per_row = settings.state_per_row(width);
  std::vector<float> weights(kRows * width), state(kRows * per_row), gradients(kRows * width);
  std::vector<std::uint8_t> rows(kRows * bytes);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = representable(precision, seed, i);
  collide::encode_rows(precision, weights.data(), kRows, width, rows.data());
  std::vector<double> expected(weights.begin(), weights.end()), expected_state(state.size());
  Outcome wrong;
  for (int t = 1; t <= kSteps; ++t) {
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      gradients[i] = 4 * collide::uniform01(seed + t, i) - 2;
      if (t == 3 && i < width) gradients[i] = 0;
    }
    const std::vector<double> g(gradients.begin(), gradients.end());
    collide::step_rows(settings.step(t), precision, rows.data(), state.data(), gradients.data(), kRows, width,
                       collide::mix64(seed + t));
    collide::decode_rows(precision, rows.data(), kRows, width, weights.data());
    for (std::size_t r = 0; r < kRows; ++r) {
      std::vector<double> w(expected.begin() + r * width, expected.begin() + (r + 1) * width);
      std::vector<double> s(expected_state.begin() + r * per_row, expected_state.begin() + (r + 1) * per_row);
      reference_step(kind, numbers, t, w, s, {g.begin() + r * width, g.begin() + (r + 1) * width});
      std::copy(w.begin(), w.end(), expected.begin() + r * width);
      std::copy(s.begin(), s.end(), expected_state.begin() + r * per_row);
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double spacing = precision == Precision::kFloat16    ? std::max(std::fabs(expected[i]) * 0x1p-10, 0x1p-24)
                             : precision == Precision::kBfloat16 ? std::fabs(expected[i]) * 0x1p-7
                                                                 : 0;
      wrong.weights += !(std::fabs(weights[i] - expected[i]) <= spacing + 1e-5 * std::max(0.1, std::fabs(expected[i])));
      if (precision != Precision::kFloat32) expected[i] = weights[i];
    }
    for (std::size_t i = 0; i < state.size(); ++i) {
      double terms = 0;
      if (kind.ends_with("adam") && i % per_row < width)
        terms = 2 * (1 - numbers.beta1);                                             // m is a sum of (1 - beta1) g
      if (kind == "ftrl" && i % per_row < width) terms = 2 * numbers.learning_rate;  // z of lr g and of sigma w
      wrong.states += !close(state[i], expected_state[i], terms);
    }
  }
  std::uint64_t& sum = kind == "ftrl" ? checksum_of_ftrl : checksum;
  add_to_checksum(sum, rows.data(), rows.size());
  add_to_checksum(sum, state.data(), state.size() * sizeof(float));
  return wrong;
}

void against_reference() {
  for (const std::string& kind : kind_names()) {
    for (const Precision precision : kPrecisions) {
      for (const float clip : {0.0f, 0.75f, 1e6f}) {
        for (const float decay : {0.0f, 0.03f}) {
          const Numbers numbers{.learning_rate = 0.05f, .weight_decay = decay, .max_row_norm = clip};
          Outcome all;
          std::size_t last = 0;
          for (const std::size_t width : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 31, 64, 70, 257}) {
            const Outcome wrong = compare(kind, numbers, precision, width, 100 * width);
            all.weights += wrong.weights, all.states += wrong.states;
            if (wrong.weights + wrong.states > 0) last = width;
          }
          const std::string what = kind + " of " + kPrecisionNames[static_cast<int>(precision)] + ", clip " +
                                   std::to_string(clip) + ", decay " + std::to_string(decay) + ": ";
          check(all.weights == 0, what + "rows as the float64 reference, width " + std::to_string(last));
          check(all.states == 0, what + "state as the float64 reference, width " + std::to_string(last));
        }
      }
    }
  }
}

// Other settings than the usual ones, and a step number so large that the corrections are 1.
void other_settings() {
  for (const std::string& kind : kind_names()) {
    const Numbers numbers{.learning_rate = 0.001f, .epsilon = 0.1f, .beta1 = 0.5f, .beta2 = 0, .beta = 1, .l1 = 0.2f};
    const Outcome wrong = compare(kind, numbers, Precision::kFloat32, 19, 7);
    check(wrong.weights + wrong.states == 0, kind + " with other settings");
  }
  const collide::embedding_optimizers::Adam adam{.epsilon = 0, .beta1 = 0.9f, .beta2 = 0.999f, .weight_decay = 0};
  const auto late = adam.step(1, std::uint64_t{1} << 40), third = adam.step(1, 3);
  check(late.correction1 == 1 && late.correction2 == 1, "corrections of a late step are 1");
  check(close(third.correction1, 1 / (1 - std::pow(double{0.9f}, 3)), 0, 1e-7) &&
            close(third.correction2, 1 / (1 - std::pow(double{0.999f}, 3)), 0, 1e-7),
        "corrections of the third step");
}

// A step from a gradient in registers.
template <int kWidth>
void registers(const std::string& kind) {
  const OptimizerSettings settings = settings_of(kind, {.weight_decay = 0.01f});
  std::vector<float> weights(kWidth), gradient(kWidth), state(settings.state_per_row(kWidth), 0.25f);
  for (int j = 0; j < kWidth; ++j) {
    weights[j] = collide::uniform01(3, j) - 0.5f;
    gradient[j] = collide::uniform01(4, j) - 0.5f;
  }
  auto other = weights, other_state = state;
  collide::Float8 vectors[kWidth / 8];
  for (int v = 0; v < kWidth / 8; ++v) vectors[v] = collide::load8(gradient.data() + 8 * v);
  const OptimizerStep step = settings.step(2);
  collide::step_rows(step, Precision::kFloat32, reinterpret_cast<std::uint8_t*>(weights.data()), state.data(),
                     gradient.data(), 1, kWidth, 0);
  collide::visit_inlined(step, [&]<typename Kind>(const collide::RowStep<Kind>& of_kind) {
    collide::step_vectors(of_kind, other.data(), other_state.data(), vectors);
  });
  check(weights == other && state == other_state,
        kind + ": the same bits from registers, width " + std::to_string(kWidth));
}

// The code for one width, with its columns in registers where it can, gives the bits of that for any.
template <int kWidth>
void fixed_width() {
  for (const std::string& kind : kind_names()) {
    for (const Precision precision : kPrecisions) {
      const OptimizerSettings settings = settings_of(kind, {.weight_decay = 0.01f, .max_row_norm = 1});
      const std::size_t states = settings.state_per_row(kWidth);
      std::vector<std::uint8_t> any(collide::row_bytes(precision, kWidth));
      std::vector<float> weights(kWidth), gradient(kWidth), any_state(states, 0.25f);
      for (int j = 0; j < kWidth; ++j) {
        weights[j] = collide::uniform01(3, j) - 0.5f;
        gradient[j] = collide::uniform01(4, j) - 0.5f;
      }
      collide::encode_rows(precision, weights.data(), 1, kWidth, any.data());
      auto fixed = any;
      auto fixed_state = any_state;
      auto fixed_gradient = gradient;
      const OptimizerStep step = settings.step(2);
      collide::step_rows(step, precision, any.data(), any_state.data(), gradient.data(), 1, kWidth, 99);
      collide::visit_inlined(step, [&]<typename Kind>(const collide::RowStep<Kind>& of_kind) {
        const auto take = [&]<Precision kPrecision>() {
          collide::step_row<Kind, kPrecision, kWidth>(of_kind, fixed.data(), fixed_state.data(), fixed_gradient.data(),
                                                      kWidth, 99);
        };
        if (precision == Precision::kFloat32) take.template operator()<Precision::kFloat32>();
        if (precision == Precision::kFloat16) take.template operator()<Precision::kFloat16>();
        if (precision == Precision::kBfloat16) take.template operator()<Precision::kBfloat16>();
      });
      const std::string what = kind + " of " + kPrecisionNames[static_cast<int>(precision)] + ": ";
      check(fixed == any && fixed_state == any_state,
            what + "the same bits from the code for width " + std::to_string(kWidth) + " as for any width");
      if constexpr (kWidth % 8 == 0) {
        if (precision == Precision::kFloat32) registers<kWidth>(kind);
      }
    }
  }
}

// Gradients at the ends of float's range, and a row whose weights are not touched by its neighbours' steps.
void extremes() {
  constexpr std::size_t kWidth = 11;
  for (const std::string& kind : kind_names()) {
    const std::string what = kind + ": ";
    const auto stepped = [&](float gradient, float clip, float second = 0) {
      const OptimizerSettings settings = settings_of(kind, {.learning_rate = 0.5f, .max_row_norm = clip});
      std::vector<float> w(kWidth, 1.0f), g(kWidth, gradient), state(settings.state_per_row(kWidth));
      g[1] += second;
      collide::step_rows(settings.step(1), Precision::kFloat32, reinterpret_cast<std::uint8_t*>(w.data()), state.data(),
                         g.data(), 1, kWidth, 0);
      return w;
    };
    check(stepped(0, 0) == std::vector<float>(kWidth, 1.0f), what + "a zero gradient changes nothing at first");
    check(stepped(0, 1) == std::vector<float>(kWidth, 1.0f), what + "nor does it when clipped");
    // 1e30 squared is no float: clipping must still find the norm. Every column then gets 1 / sqrt(width).
    const auto clipped = stepped(1e30f, 1), small = stepped(1 / std::sqrt(float{kWidth}), 0);
    bool ok = true;
    for (std::size_t j = 0; j < kWidth; ++j) ok = ok && close(clipped[j], small[j]);
    check(ok, what + "a gradient of 1e30 is clipped to its direction");
    const auto tiny = stepped(1e-30f, 1e-32f);
    check(std::all_of(tiny.begin(), tiny.end(), [](float w) { return std::isfinite(w); }),
          what + "a gradient of 1e-30 is clipped without a division by 0");
    check(std::isnan(stepped(1, 0, std::nanf(""))[1]) && std::isnan(stepped(1, 1, std::nanf(""))[1]),
          what + "a NaN in the gradient is a NaN in the row");
  }
}

// Over many steps too small for the format, stochastic rounding moves a row as far as float32 would.
void small_steps_add_up() {
  constexpr std::size_t kWidth = 64;
  constexpr int kSteps = 3000;
  const OptimizerSettings settings{collide::embedding_optimizers::Sgd{}, 1e-5f};
  for (const Precision precision : {Precision::kFloat16, Precision::kBfloat16}) {
    std::vector<float> values(kWidth, 0.75f), gradient(kWidth);
    std::vector<std::uint8_t> row(collide::row_bytes(precision, kWidth));
    collide::encode_rows(precision, values.data(), 1, kWidth, row.data());
    for (int t = 1; t <= kSteps; ++t) {
      std::fill(gradient.begin(), gradient.end(), 1.0f);
      collide::step_rows(settings.step(t), precision, row.data(), nullptr, gradient.data(), 1, kWidth,
                         collide::mix64(t));
    }
    std::vector<std::uint8_t> twins(row);
    twins.insert(twins.end(), row.begin(), row.end());
    gradient.assign(2 * kWidth, 1.0f);
    const OptimizerSettings larger{settings.kind, 0.001f};
    collide::step_rows(larger.step(1), precision, twins.data(), nullptr, gradient.data(), 2, kWidth, 5);
    check(!std::equal(twins.begin(), twins.begin() + row.size(), twins.begin() + row.size()),
          std::string(kPrecisionNames[static_cast<int>(precision)]) + ": equal rows round by keys of their own");
    collide::decode_rows(precision, row.data(), 1, kWidth, values.data());
    double mean = 0;
    for (const float value : values) mean += value / kWidth;
    // Each step moves by one spacing with probability 1e-5 / spacing.
    const double spacing = precision == Precision::kFloat16 ? 0x1p-11 : 0x1p-8;
    const double sigma = std::sqrt(kSteps * 1e-5 * spacing / kWidth);
    check(std::fabs(mean - (0.75 - kSteps * 1e-5)) < 4 * sigma,
          std::string(kPrecisionNames[static_cast<int>(precision)]) + ": steps below its spacing add up");
  }
}

void refused() {
  float value[8] = {};
  for (const Precision precision : {Precision::kInt8, Precision::kInt4}) {
    std::string code;
    try {
      const OptimizerSettings sgd{collide::embedding_optimizers::Sgd{}, 1};
      collide::step_rows(sgd.step(1), precision, reinterpret_cast<std::uint8_t*>(value), nullptr, value, 1, 1, 0);
    } catch (const collide::Error& error) {
      code = error.code;
    }
    check(code == "NOT_SUPPORTED", "int8 and int4 rows are not trained");
  }
}

}  // namespace

int main() {
  against_reference();
  other_settings();
  fixed_width<2>();
  fixed_width<13>();
  fixed_width<16>();
  fixed_width<64>();
  extremes();
  small_steps_add_up();
  refused();
  std::printf("checksums %016llx %016llx\n", static_cast<unsigned long long>(checksum),
              static_cast<unsigned long long>(checksum_of_ftrl));
  check(checksum == 0xfde5b9c1f97f9149u && checksum_of_ftrl == 0x8ad4d2f1afe8c411u,
        "the same bits from every compiler option and instruction set");
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
