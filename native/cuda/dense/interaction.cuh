// Launchers of the pairwise dots of an example's vectors 0..V, forward and backward; core/dense/net.h numbers the dots.
// Row-major float32 in device memory; asynchronous on `stream`; Error CUDA_FAILED when a launch is refused.
//
// A thread computes 4 x 4 numbers: dots of four vectors with four others, or four columns of four vectors' gradients;
// a block takes as many examples as fit, or a part of one. What they read comes through shared memory, 8 columns (8
// vectors) at a time. Every sum goes over columns (vectors) in order, so that examples do not depend on each other.
// Cost per row: dim multiply-adds for each of V (V + 1) / 2 dots forward, twice that backward.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/dense/gemm.cuh"

namespace collide::cuda {

struct InteractionShape {
  std::uint32_t vectors, dim;  // V, columns
};

// z [rows, dim + V (V + 1) / 2] holds vector 0, vectors [rows, V * dim] the others. Fills in the dots behind vector 0.
void launch_dots(const InteractionShape& shape, const float* vectors, Rows z, std::uint32_t rows, cudaStream_t stream);

// z_gradient holds d loss / d z. Writes the gradients of vectors 1..V, [rows, V * dim], and over the first dim columns
// of z_gradient the whole gradient of vector 0; 0 where `masked` and vector 0 (then a ReLU's output) is not above 0.
void launch_dots_backward(const InteractionShape& shape, const float* vectors, Rows z, Rows z_gradient,
                          std::uint32_t rows, bool masked, float* vector_gradient, cudaStream_t stream);

}  // namespace collide::cuda
