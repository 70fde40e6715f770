#include "cuda/clustering/agglomerate_threshold.cuh"

#include <algorithm>
#include <cub/block/block_scan.cuh>

namespace collide::cuda {

namespace {

constexpr unsigned kThreads = ThresholdSearch::kDigits;  // one digit each when one is chosen
constexpr unsigned kBits = 8;
constexpr unsigned kScorePasses = 64 / kBits, kPasses = kScorePasses + 32 / kBits;
constexpr std::size_t kPerBlock = 16 * kThreads;  // pairs at least: counts are added once a block
constexpr std::size_t kMostBlocks = 1024;

// Which digit a pass looks at.
struct Digit {
  bool of_position;
  unsigned shift;
};

__device__ Digit digit_of(unsigned pass) {
  return pass < kScorePasses ? Digit{false, 64 - kBits * (pass + 1)}
                             : Digit{true, 32 - kBits * (pass - kScorePasses + 1)};
}

__global__ void __launch_bounds__(kThreads)
    narrow(const std::uint64_t* scores, const std::uint32_t* positions, std::size_t n, std::uint32_t m, unsigned pass,
           ThresholdSearch::State* state) {
  using Scan = cub::BlockScan<std::uint32_t, kThreads>;
  __shared__ std::uint32_t counts[kThreads];
  __shared__ typename Scan::TempStorage room;
  __shared__ bool last;
  if (state->done != 0) return;
  const PairThreshold before = state->threshold;
  const auto [of_position, shift] = digit_of(pass);
  counts[threadIdx.x] = 0;
  __syncthreads();
  for (std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x; i < n;
       i += std::size_t{gridDim.x} * kThreads) {
    const std::uint64_t score = scores[i];
    if (of_position && score != before.score) continue;
    const std::uint64_t key = of_position ? positions[i] : score;
    const std::uint64_t known = of_position ? before.position : before.score;
    if (((key ^ known) >> shift) >> kBits != 0) continue;  // another digit before this one
    atomicAdd(&counts[(key >> shift) % kThreads], 1u);
  }
  __syncthreads();
  if (counts[threadIdx.x] > 0) atomicAdd(&state->counts[threadIdx.x], counts[threadIdx.x]);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicAdd(&state->arrived, 1u) == gridDim.x - 1;
  __syncthreads();
  if (!last) return;

  __threadfence();
  const std::uint32_t rank = pass == 0 ? m : state->rank;
  const std::uint32_t count = atomicExch(&state->counts[threadIdx.x], 0u);
  std::uint32_t lower;  // pairs with a lower digit
  Scan(room).ExclusiveSum(count, lower);
  if (rank <= lower || rank > lower + count) return;
  const bool done = rank == lower + count;
  const std::uint64_t rest = (std::uint64_t{1} << shift) - 1;  // all of the digits to come, where all are in
  const std::uint64_t digit = (std::uint64_t{threadIdx.x} << shift) | (done ? rest : 0);
  if (of_position) {
    state->threshold.position = before.position | static_cast<std::uint32_t>(digit);
  } else {
    state->threshold = {before.score | digit, done ? 0xffffffffu : 0u};
  }
  state->rank = rank - lower;
  state->done = done ? 1 : 0;
  state->arrived = 0;
}

}  // namespace

void ThresholdSearch::run(const std::uint64_t* scores, const std::uint32_t* positions, std::size_t n, std::uint32_t m,
                          const Stream& stream) {
  state_.clear(1, stream, "look for the threshold of a clustering");
  const auto blocks = static_cast<unsigned>(std::clamp<std::size_t>(n / kPerBlock, 1, kMostBlocks));
  for (unsigned pass = 0; pass < kPasses; ++pass) {
    narrow<<<blocks, kThreads, 0, stream.get()>>>(scores, positions, n, m, pass, state_.data());
  }
  check(cudaGetLastError(), "launch the threshold of a clustering");
}

}  // namespace collide::cuda
