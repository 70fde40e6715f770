// The optimizers that step the rows of embedding tables, and what a batch's steps need: the same for every engine.
//
// An optimizer is one header in optimizers/: a struct of the numbers that make it up, which has
//   kName                       its name
//   kColumnStates, kRowStates   how many values of state a row keeps per column, and how many besides; all start as 0
//   read_options(read)          sets the numbers from read("name of an option")
//   Step, step(rate, t)         what the steps of all rows of batch t have in common (t counts from 1); its
//                               learning_rate among them
//   row_rate(step, q, state)    with kRowStates only: takes the mean square q of the row's gradient into the row's own
//                               state and returns the rate of its columns; without, they have step.learning_rate
//   next(step, rate, w, g, s)   changes the state s[kColumnStates] of a column with gradient g, and returns its weight
// A line here adds it to the list, and all engines, names and sizes follow.
//
// State per row, side by side: width values of every column state, one after the other, then the row's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "core/embedding/optimizers/adagrad.h"
#include "core/embedding/optimizers/adam.h"
#include "core/embedding/optimizers/ftrl.h"
#include "core/embedding/optimizers/rowwise_adagrad.h"
#include "core/embedding/optimizers/rowwise_adam.h"
#include "core/embedding/optimizers/sgd.h"

namespace collide {

// What the steps of a batch's rows have in common.
template <typename Kind>
struct RowStep {
  float max_row_norm;  // a longer gradient is shortened to it; 0: none is
  typename Kind::Step numbers;
};

template <typename... Kinds>
struct EmbeddingOptimizerList {
  using Any = std::variant<Kinds...>;
  using AnyStep = std::variant<RowStep<Kinds>...>;
};

using EmbeddingOptimizers = EmbeddingOptimizerList<embedding_optimizers::Sgd, embedding_optimizers::Adagrad,
                                                   embedding_optimizers::RowwiseAdagrad, embedding_optimizers::Adam,
                                                   embedding_optimizers::RowwiseAdam, embedding_optimizers::Ftrl>;

using EmbeddingOptimizer = EmbeddingOptimizers::Any;
using OptimizerStep = EmbeddingOptimizers::AnyStep;

template <typename Kind>
constexpr std::size_t state_per_row(std::size_t width) {
  return Kind::kColumnStates * width + Kind::kRowStates;
}

struct OptimizerSettings {
  EmbeddingOptimizer kind;
  float learning_rate;
  float max_row_norm = 0;  // 0: gradients are not clipped

  std::size_t state_per_row(std::size_t width) const {
    return std::visit([&]<typename Kind>(const Kind&) { return collide::state_per_row<Kind>(width); }, kind);
  }
  // Of batch t, the first being 1.
  OptimizerStep step(std::uint64_t t) const {
    return std::visit(
        [&]<typename Kind>(const Kind& optimizer) -> OptimizerStep {
          return RowStep<Kind>{max_row_norm, optimizer.step(learning_rate, t)};
        },
        kind);
  }
};

// How a row's gradients are summed, the same tree for every engine: runs of up to kFloatRun in float32, one after the
// other; longer ones kFloatRun at a time, those sums in float64, kGradientPiece gradients to a piece; pieces in
// float64.
inline constexpr std::size_t kFloatRun = 64, kGradientPiece = 4096;

}  // namespace collide
