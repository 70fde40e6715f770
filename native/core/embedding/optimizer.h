// Which optimizer steps the rows of embedding tables, and what its step of one batch needs: the same for every engine.
// The formulas are in cpu/embedding/row_optimizer.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace collide {

enum class OptimizerKind : std::uint8_t { kSgd, kAdagrad, kRowwiseAdagrad, kAdam, kRowwiseAdam };

struct OptimizerSettings {
  OptimizerKind kind = OptimizerKind::kRowwiseAdagrad;
  float learning_rate = 0.02f;
  float epsilon = 1e-8f;
  float beta1 = 0.9f, beta2 = 0.999f;
  float weight_decay = 0;
  float max_row_norm = 0;  // 0: gradients are not clipped

  // State values per row of this width, side by side: s; or m (width values) and then v.
  constexpr std::size_t state_per_row(std::size_t width) const {
    switch (kind) {
      case OptimizerKind::kSgd:
        return 0;
      case OptimizerKind::kAdagrad:
        return width;
      case OptimizerKind::kRowwiseAdagrad:
        return 1;
      case OptimizerKind::kAdam:
        return 2 * width;
      case OptimizerKind::kRowwiseAdam:
        return width + 1;
    }
    return 0;
  }
};

// What all rows of a batch have in common; `step` counts the batches from 1.
struct OptimizerStep {
  float learning_rate, epsilon, max_row_norm;
  float keep;  // 1 - learning_rate * weight_decay: the factor of the old weights
  float beta1, beta2;
  float new1, new2;                // 1 - beta
  float correction1, correction2;  // 1 / (1 - beta^step)

  OptimizerStep(const OptimizerSettings& settings, std::uint64_t step);
};

// How a row's gradients are summed, the same tree for every engine: runs of up to kFloatRun in float32, one after the
// other; longer ones kFloatRun at a time, those sums in float64, kGradientPiece gradients to a piece; pieces in
// float64.
inline constexpr std::size_t kFloatRun = 64, kGradientPiece = 4096;

}  // namespace collide
