#include <algorithm>

#include "cuda/embedding/forward.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

__global__ void __launch_bounds__(kBlockThreads)
    check_indices(const __grid_constant__ CheckArguments args, BadIndices* bad) {
  const std::uint64_t stride = std::uint64_t{gridDim.x} * kBlockThreads;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x; i < args.count; i += stride) {
    const auto position = static_cast<std::uint32_t>(i);
    if (check_index(args, position)) continue;
    atomicMin(&bad->first, position);
    atomicAdd(&bad->count, 1u);
  }
}

__global__ void __launch_bounds__(kBlockThreads) count_accesses(const __grid_constant__ CountArguments args) {
  if (args.halted != nullptr && *args.halted != 0) return;
  const std::uint64_t stride = std::uint64_t{gridDim.x} * kBlockThreads;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x; i < args.count; i += stride) {
    const std::uint32_t feature = last_start(args.first_ids, args.features, static_cast<std::uint32_t>(i));
    std::uint32_t* counter = args.counts + load(args.first_counts + feature) + load(args.ids + i);
    // Whoever makes a full counter wrap fills it again; so it is full in the end, whatever came in between.
    if (atomicAdd(counter, 1u) == ~0u) atomicExch(counter, ~0u);
  }
}

// Blocks that share a multiprocessor: 4 leave each thread the 64 registers it wants; with 5 it would spill.
constexpr int kBlocks = 4;

__global__ void __launch_bounds__(kBlockThreads, kBlocks) lookup(const __grid_constant__ LookupArguments args) {
  lookup_thread(args, blockIdx.x, threadIdx.x);
}

unsigned blocks_for(std::uint64_t threads) {
  return static_cast<unsigned>(std::min<std::uint64_t>((threads + kBlockThreads - 1) / kBlockThreads, 1 << 16));
}

}  // namespace

void launch_check_indices(const CheckArguments& args, BadIndices* bad, cudaStream_t stream) {
  if (args.count == 0) return;
  check_indices<<<blocks_for(args.count), kBlockThreads, 0, stream>>>(args, bad);
  check(cudaGetLastError(), "launch the index check");
}

void launch_count_accesses(const CountArguments& args, cudaStream_t stream) {
  if (args.count == 0) return;
  count_accesses<<<blocks_for(args.count), kBlockThreads, 0, stream>>>(args);
  check(cudaGetLastError(), "launch the counting of accesses");
}

void launch_lookup(const LookupArguments& args, std::uint32_t blocks, cudaStream_t stream) {
  if (blocks == 0) return;
  lookup<<<blocks, kBlockThreads, 0, stream>>>(args);
  check(cudaGetLastError(), "launch the lookup");
}

}  // namespace collide::cuda
