// Equal-mass bins on the device, in the steps of cpu/clustering/equal_mass.cc: a sort by (key, mix64(id)), a scan of
// masses, and a scan of minima. Both scans are of integers, cut into blocks: a block's own result, one block over all
// blocks' results, and the sum of both. So no block waits for another, and the bits are those of the CPU.
//
// After the sort (key_sort.cuh) it reads and writes 60 bytes per id. 44 bytes of device memory per id above the inputs.
#include "cuda/clustering/equal_mass.h"

#include <algorithm>
#include <cub/block/block_scan.cuh>
#include <limits>

#include "cuda/clustering/key_sort.cuh"
#include "cuda/clustering/threads.cuh"
#include "cuda/support/device_memory.cuh"
#include "cuda/support/on_device.cuh"

namespace collide::cuda {

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

using Scan = cub::BlockScan<std::int64_t, kThreads>;

struct Sum {
  static constexpr std::int64_t kNone = 0;
  __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a + b; }
};

struct Least {
  static constexpr std::int64_t kNone = 0;  // a bin is at most its place
  __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a < b ? a : b; }
};

// running [n]: sums of masses within the block, whole numbers; blocks [.]: the block's.
__global__ void __launch_bounds__(kThreads) add_masses(const double* masses, const std::uint32_t* ids, std::size_t n,
                                                       std::int64_t* running, std::int64_t* blocks) {
  __shared__ typename Scan::TempStorage room;
  const std::size_t place = global_thread();
  const std::int64_t mass = place < n ? static_cast<std::int64_t>(masses[ids[place]]) : 0;
  std::int64_t sum, all;
  Scan(room).InclusiveSum(mass, sum, all);
  if (place < n) running[place] = sum;
  if (threadIdx.x == 0) blocks[blockIdx.x] = all;
}

// What comes before each of n results, and at [n] all of them. One block.
template <typename Combine>
__global__ void __launch_bounds__(kThreads) scan_blocks(std::int64_t* results, std::size_t n) {
  __shared__ typename Scan::TempStorage room;
  const Combine combine;
  std::int64_t before = Combine::kNone;
  for (std::size_t start = 0; start < n; start += kThreads) {
    const std::size_t k = start + threadIdx.x;
    std::int64_t scanned, all;
    Scan(room).ExclusiveScan(k < n ? results[k] : Combine::kNone, scanned, Combine::kNone, combine, all);
    if (k < n) results[k] = combine(before, scanned);
    before = combine(before, all);
    __syncthreads();
  }
  if (threadIdx.x == 0) results[n] = before;
}

// What a place's bin is: place + the least a_k - k so far, as if no block before had any.
__global__ void __launch_bounds__(kThreads)
    bins_of_block(const double* masses, const std::uint32_t* ids, const std::int64_t* running,
                  const std::int64_t* masses_before, std::size_t n, std::int64_t rows, std::uint32_t* bins,
                  std::int64_t* blocks) {
  __shared__ typename Scan::TempStorage room;
  const std::size_t k = global_thread();
  const auto place = static_cast<std::int64_t>(k);
  std::int64_t slack = kMost;
  if (k < n) {
    const auto total = static_cast<double>(masses_before[gridDim.x]);
    const auto sum = static_cast<double>(masses_before[blockIdx.x] + running[k]);
    const double share = (sum - masses[ids[k]] / 2) / total;
    const auto formula = static_cast<std::int64_t>(share * static_cast<double>(rows));
    const std::int64_t plain = formula < rows - 1 ? formula : rows - 1;
    const std::int64_t needed = rows - (static_cast<std::int64_t>(n) - place);
    slack = (plain > needed ? plain : needed) - place;
  }
  std::int64_t least, all;
  Scan(room).InclusiveScan(slack, least, Least(), all);
  if (k < n) bins[k] = static_cast<std::uint32_t>(place + least);
  if (threadIdx.x == 0) blocks[blockIdx.x] = all;
}

__global__ void __launch_bounds__(kThreads) assign_rows(const std::uint32_t* bins, const std::int64_t* slack_before,
                                                        const std::uint32_t* ids, std::size_t n, std::uint32_t* rows) {
  const std::size_t k = global_thread();
  if (k >= n) return;
  const std::int64_t limit = static_cast<std::int64_t>(k) + slack_before[blockIdx.x];
  rows[ids[k]] = bins[k] < limit ? bins[k] : static_cast<std::uint32_t>(limit);
}

}  // namespace

std::vector<std::uint32_t> equal_mass_bins(const std::vector<double>& keys, const std::vector<double>& masses,
                                           std::uint64_t bins) {
  const OnDevice here;
  const std::size_t n = keys.size();
  const auto blocks = blocks_for(n);
  const auto rows = static_cast<std::int64_t>(std::min<std::uint64_t>(bins, n));
  const char* what = "equal-mass bins";
  const Stream stream;
  DeviceArray<double> values(n, what);
  values.upload(keys.data(), n, stream, "copy the keys of equal-mass bins to the device");
  const DeviceArray<std::uint32_t> ids(n, what);
  {
    KeySort sort(n, stream);
    sort.order(values.data(), 1, ids.data());
    stream.wait("sort the ids of equal-mass bins");
  }
  const DeviceArray<double>& mass = values;  // the keys are not needed any more
  mass.upload(masses.data(), n, stream, "copy the masses of equal-mass bins to the device");

  const DeviceArray<std::int64_t> running(n, what), masses_before(blocks + std::size_t{1}, what),
      slack_before(blocks + std::size_t{1}, what);
  const DeviceArray<std::uint32_t> bin(n, what), assigned(n, what);
  add_masses<<<blocks, kThreads, 0, stream.get()>>>(mass.data(), ids.data(), n, running.data(), masses_before.data());
  scan_blocks<Sum><<<1, kThreads, 0, stream.get()>>>(masses_before.data(), blocks);
  bins_of_block<<<blocks, kThreads, 0, stream.get()>>>(mass.data(), ids.data(), running.data(), masses_before.data(), n,
                                                       rows, bin.data(), slack_before.data());
  scan_blocks<Least><<<1, kThreads, 0, stream.get()>>>(slack_before.data(), blocks);
  assign_rows<<<blocks, kThreads, 0, stream.get()>>>(bin.data(), slack_before.data(), ids.data(), n, assigned.data());
  check(cudaGetLastError(), "launch the equal-mass bins");
  std::vector<std::uint32_t> assignment(n);
  assigned.download(assignment.data(), n, stream, "copy the equal-mass bins from the device");
  stream.wait("compute equal-mass bins");
  return assignment;
}

}  // namespace collide::cuda
