// Launchers of the pairwise dots of an example's vectors 0, 1, ..., forward and backward; core/dense/ops/dots.h numbers
// the dots. Row-major float32 in device memory; asynchronous on `stream`; Error CUDA_FAILED when a launch is refused.
//
// A thread computes 4 x 4 numbers: dots of four vectors with four others, or four columns of four vectors' gradients;
// a block takes as many examples as fit, or a part of one. What they read comes through shared memory, 8 columns (8
// vectors) at a time. Every sum goes over columns (vectors) in order, so that examples do not depend on each other.
// Cost per row: dim multiply-adds for each dot forward, twice that backward.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/dense/gemm.cuh"

namespace collide::cuda {

struct DotsShape {
  std::uint32_t firsts;   // 1: vector 0 stands alone; 0: it is the first of the others
  std::uint32_t vectors;  // the others
  std::uint32_t dim;
};

// first [rows, dim], vectors [rows, vectors * dim], dots [rows, all pairs].
void launch_dots(const DotsShape& shape, Rows first, Rows vectors, Rows dots, std::uint32_t rows, cudaStream_t stream);

// Without data, a gradient of vectors is not wanted.
struct DotsGradients {
  Rows dots;     // d loss / d dots
  Rows first;    // is written, or added to; then 0 where mask_first and vector 0, a ReLU's output, is not above 0
  Rows vectors;  // likewise
  bool add_first = false, mask_first = false, add_vectors = false;
};
void launch_dots_backward(const DotsShape& shape, Rows first, Rows vectors, const DotsGradients& gradients,
                          std::uint32_t rows, cudaStream_t stream);

}  // namespace collide::cuda
