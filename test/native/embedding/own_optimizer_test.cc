// An optimizer of one's own, as a header of core/embedding/optimizers would have it: the templates that step the rows
// of shipped ones step its rows. CONTRIBUTING.md shows the same code.
#include <cmath>
#include <variant>
#include <vector>

#include "checks.h"
#include "core/support/named_kinds.h"
#include "core/support/random.h"
#include "cpu/embedding/row_optimizer.h"

namespace collide::embedding_optimizers {

// The example begins.
// Momentum: m = b m + g;  w -= lr m
struct Momentum {
  static constexpr const char* kName = "momentum";
  static constexpr int kColumnStates = 1, kRowStates = 0;

  float beta;

  template <typename Read>
  void read_options(const Read& read) {
    beta = read("beta");
  }

  struct Step {
    float learning_rate, beta;
  };
  Step step(float learning_rate, std::uint64_t) const { return {learning_rate, beta}; }

  template <typename Value>
  static COLLIDE_HD_INLINE Value next(const Step& step, float rate, const Value& w, const Value& g, Value* state) {
    Value& m = state[0];
    m = step.beta * m + g;
    return w - rate * m;
  }
};
// The example ends.

}  // namespace collide::embedding_optimizers

namespace {

using namespace collide;
using collide::checks::check;
using collide::embedding_optimizers::Momentum;

bool close(float actual, double expected) {
  return std::fabs(actual - expected) <= 1e-6 * std::max(1.0, std::fabs(expected));
}

void two_steps(std::size_t width) {
  const std::string what = "rows of " + std::to_string(width) + " columns: ";
  Momentum momentum{};
  momentum.read_options([](const std::string& name) { return name == "beta" ? 0.75f : 0.0f; });
  std::vector<float> row(width), state(state_per_row<Momentum>(width));
  std::vector<double> w(width), m(width);
  check(state.size() == width, what + "one state a column");
  for (std::size_t j = 0; j < width; ++j) w[j] = row[j] = uniform01(1, j);
  for (std::uint64_t t = 1; t <= 2; ++t) {
    const RowStep<Momentum> step{0, momentum.step(0.5f, t)};
    std::vector<float> gradient(width);
    for (std::size_t j = 0; j < width; ++j) {
      gradient[j] = 2 * uniform01(1 + t, j) - 1;
      m[j] = 0.75 * m[j] + gradient[j];
      w[j] -= 0.5 * m[j];
    }
    step_row<Momentum, Precision::kFloat32, 0>(step, reinterpret_cast<std::uint8_t*>(row.data()), state.data(),
                                               gradient.data(), width, 0);
  }
  bool rows = true, states = true;
  for (std::size_t j = 0; j < width; ++j) {
    rows = rows && close(row[j], w[j]);
    states = states && close(state[j], m[j]);
  }
  check(rows, what + "as plain loops");
  check(states, what + "states as plain loops");
}

}  // namespace

int main() {
  for (const std::size_t width : {1, 7, 8, 16, 33}) two_steps(width);
  using Optimizers = std::variant<embedding_optimizers::Sgd, Momentum>;
  check(named_kind<Optimizers>("momentum", "a test").index() == 1, "it is found by its name");
  std::string message;
  try {
    named_kind<Optimizers>("momentun", "an optimizer");
  } catch (const Error& error) {
    message = error.what();
  }
  check(message == "Expected one of \"sgd\", \"momentum\" for an optimizer, received \"momentun\"",
        "an unknown name is refused with those that there are: " + message);
  return collide::checks::summary();
}
