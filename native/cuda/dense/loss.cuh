// Binary cross-entropy with logits, and sums over a block of threads.
#pragma once

#include <cuda_runtime.h>

namespace collide::cuda {

struct Loss {
  float value, slope;  // slope: d value / d logit
};

// As core/dense/ops/loss.h: max(z, 0) + log(1 + exp(-|z|)) with z = -logit for label 1 and logit for label 0. A NaN
// stays one.
__device__ inline Loss loss_of(float logit, float label) {
  const bool positive = label > 0.5f;
  const float z = positive ? -logit : logit;  // the loss rises with z
  const float e = expf(-fabsf(z));
  const float inverse = 1.0f / (1.0f + e);
  const float sigmoid = z < 0.0f ? e * inverse : inverse;
  return {(z < 0.0f ? 0.0f : z) + log1pf(e), positive ? -sigmoid : sigmoid};
}

// The sum over the block, in an order that depends on kThreads only; every thread gets it. All threads must call it.
template <int kThreads>
__device__ float block_sum(float value) {
  __shared__ float warps[kThreads / 32];
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(~0u, value, offset);
  __syncthreads();  // an earlier call may still be reading
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < kThreads / 32; ++warp) sum += warps[warp];
  return sum;
}

}  // namespace collide::cuda
