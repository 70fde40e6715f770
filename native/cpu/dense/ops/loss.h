// The loss of core/dense/ops/loss.h.
#pragma once

#include <cstddef>

#include "cpu/dense/gemm.h"

namespace collide {

// Replaces the logits (one feature) of `rows` rows by scale * d loss / d logit, and those of the padding rows by 0.
// Returns the sum of the losses in float64, row by row. Labels are 0 or 1.
double loss_backward(Lanes logits, const float* labels, std::size_t rows, float scale);

}  // namespace collide
