// Which gradients an optimizer can take. Their squares are summed up in float32, row by row, over a batch and over all
// batches: one of 1e20 makes a sum infinite, and what is divided by its root then never moves again.
#pragma once

#include <cstddef>

namespace collide {

// Far above any that training has (of a mean loss they are below 1), and far enough below 1.8e19, the root of the
// largest float, for sums over batches of millions and for millions of such batches.
inline constexpr float kMostGradient = 1e12f;
// Where rows' gradients are clipped before they are squared.
inline constexpr float kMostClippedGradient = 1e30f;

// Whether all are numbers of at most `most` in size. One pass.
bool gradients_fit(const float* values, std::size_t count, float most = kMostGradient);

// Throws Error INVALID_ARGUMENT naming the first that does not fit.
[[noreturn]] void fail_gradient(const float* values, std::size_t count, float most = kMostGradient);

}  // namespace collide
