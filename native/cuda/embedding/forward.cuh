// Launchers of the forward kernels; lookup_thread.h says what each thread does. Asynchronous on `stream`; all pointers
// are device memory. Throw Error CUDA_FAILED when the launch is refused.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/embedding/lookup_thread.h"

namespace collide::cuda {

// What the index check found. Set to { ~0u, 0 } before the launch.
struct BadIndices {
  std::uint32_t first;  // position of the first one
  std::uint32_t count;
};

// Fills args.ids, [args.count].
void launch_check_indices(const CheckArguments& args, BadIndices* bad, cudaStream_t stream);

struct CountArguments {
  const std::uint32_t* ids;  // checked
  std::uint64_t count;
  const std::uint32_t* first_ids;     // [features] position of a feature's first id
  const std::uint64_t* first_counts;  // [features] of its first counter
  std::uint32_t features;
  const std::uint32_t* halted;  // nothing is counted if it is not 0; or null
  std::uint32_t* counts;        // of all features, saturating at 2^32 - 1
};

// Adds the accesses of a batch to the counts.
void launch_count_accesses(const CountArguments& args, cudaStream_t stream);

// Fills args.out, all features at once. blocks: the last of place_segments().
void launch_lookup(const LookupArguments& args, std::uint32_t blocks, cudaStream_t stream);

}  // namespace collide::cuda
