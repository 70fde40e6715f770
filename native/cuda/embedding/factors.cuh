// Gradients that need the looked-up rows as they were before the step: the bits of cpu/embedding/factors.h.
// Asynchronous on `stream`; all pointers are device memory. Throw Error CUDA_FAILED when a launch is refused.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/embedding/layout.h"
#include "cuda/embedding/lookup_thread.h"

namespace collide::cuda {

// One feature's share of a batch.
struct FactorArguments {
  const DeviceTable* tables;  // [hashes]
  std::uint32_t hashes, width;
  Combine combine;
  Pooling pooling;
  const std::uint32_t* ids;      // the whole batch's, as are the weights
  const std::uint32_t* offsets;  // this feature's [bags + 1]
  const float* weights;          // or null
  std::uint32_t bags, first_id, count;
  const float* gradient;  // this feature's first column of bag 0
  std::uint64_t stride;
  std::uint32_t dim;
};

// out[i] = d loss / d weight of the id at position i of the batch, for the feature's ids. A thread per id.
void launch_weight_gradients(const FactorArguments& args, float* out, cudaStream_t stream);

// For combine multiply: out[h][k][dim] = the gradient of the row that hash function h gives the feature's k-th id, its
// weight and the bag's share included. out: [hashes, count, dim]. A thread per pack of columns.
void launch_factor_gradients(const FactorArguments& args, float* out, cudaStream_t stream);

}  // namespace collide::cuda
