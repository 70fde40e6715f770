// The optimizers of the dense net, for the engines that run them.
//
// An optimizer is one header in optimizers/: a struct of the numbers that make it up, which has
//   kName                      its name
//   kStates, kCountsSteps      values of state per parameter, all starting as 0, and whether the number of steps is
//                              state, too
//   read_options(read)         sets the numbers from read("name of an option")
//   possible(s, value)         whether a finite value may be the s-th state of a parameter
//   Step, step(t)              what the parameters' updates in step number t (from 1) have in common
//   update(step, w, g, state)  changes the state[kStates] of a parameter w with gradient g, and returns its update r
//   trust(|w|, |r|)            w -= lr trust r, the norms being those of the parameter's tensor
// A line here adds it to the list.
//
// A step is taken whole or not at all: if a value of the parameters or of the state would not be finite, everything
// stays as it is.
#pragma once

#include <cstddef>
#include <variant>

#include "core/dense/optimizers/adagrad.h"
#include "core/dense/optimizers/lamb.h"
#include "core/dense/optimizers/sgd.h"

namespace collide {

struct DenseOptimizerConfig {
  std::variant<dense_optimizers::Sgd, dense_optimizers::Adagrad, dense_optimizers::Lamb> kind;
  double learning_rate = 0;
};

// Steps are counted up to here, where the bias corrections have long been 1.
inline constexpr float kMostDenseSteps = 16777216.0f;

// The state as floats: [kStates, parameters], and the number of steps where it is counted.
std::size_t dense_state_size(const DenseOptimizerConfig& config, std::size_t parameters);

// Whether state[i] may be `value`: finite, what the optimizer can have, the steps a whole number.
bool possible_dense_state(const DenseOptimizerConfig& config, std::size_t parameters, std::size_t i, float value);

}  // namespace collide
