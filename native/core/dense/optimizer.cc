#include "core/dense/optimizer.h"

#include <cmath>

namespace collide {

std::size_t dense_state_size(const DenseOptimizerConfig& config, std::size_t parameters) {
  return std::visit(
      [&]<typename Kind>(const Kind&) { return Kind::kStates * parameters + (Kind::kCountsSteps ? 1 : 0); },
      config.kind);
}

bool possible_dense_state(const DenseOptimizerConfig& config, std::size_t parameters, std::size_t i, float value) {
  if (!std::isfinite(value)) return false;
  return std::visit(
      [&]<typename Kind>(const Kind&) {
        if (i < Kind::kStates * parameters) return Kind::possible(i / parameters, value);
        return value >= 0 && value <= kMostDenseSteps && value == std::floor(value);
      },
      config.kind);
}

}  // namespace collide
