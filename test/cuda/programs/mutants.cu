// Kernels broken on purpose, each next to its unbroken twin: the test device must find the right thing wrong with the
// first and nothing with the second. On a real device the broken ones are undefined: this program is for the test
// device.
#include <cstdint>
#include <functional>

#include "check.h"

namespace {

using namespace collide::testing;

constexpr int kThreads = 128;

// Every block reverses its elements through shared memory.
template <bool kBarrier>
__global__ void reverse(int* data) {
  __shared__ int held[kThreads];
  held[threadIdx.x] = data[threadIdx.x];
  if constexpr (kBarrier) __syncthreads();
  data[threadIdx.x] = held[kThreads - 1 - threadIdx.x];
}

// The same within a warp, where running in lockstep would hide what is missing.
template <bool kBarrier>
__global__ void reverse_in_warp(int* data) {
  __shared__ int held[32];
  held[threadIdx.x] = data[threadIdx.x];
  if constexpr (kBarrier) __syncwarp();
  data[threadIdx.x] = held[31 - threadIdx.x];
}

// All lanes read all values; behind the barrier each reads its own again, then writes it.
template <bool kBarrier>
__global__ void scale_by_sum(int* data) {
  __shared__ int held[32];
  held[threadIdx.x] = data[threadIdx.x] + 1;
  __syncwarp();
  int sum = 0;
  for (int i = 0; i < 32; ++i) sum += held[(threadIdx.x + i) % 32];  // its own first: the last reader is another
  sum += held[threadIdx.x];                                          // and now it is the lane itself
  if constexpr (kBarrier) __syncwarp();
  held[threadIdx.x] *= sum;
  data[threadIdx.x] = held[threadIdx.x];
}

// A barrier before the reads but none after them: the second round writes what others still read.
template <bool kBarrier>
__global__ void reverse_twice(int* data) {
  __shared__ int held[kThreads];
  for (int round = 0; round < 2; ++round) {
    held[threadIdx.x] = data[threadIdx.x] + round;
    __syncthreads();
    data[threadIdx.x] = held[kThreads - 1 - threadIdx.x];
    if constexpr (kBarrier) __syncthreads();
  }
}

template <bool kAtomic>
__global__ void histogram(const int* data, int* counts) {
  __shared__ int own[8];
  if (threadIdx.x < 8) own[threadIdx.x] = 0;
  __syncthreads();
  int* count = own + (data[threadIdx.x] & 7);
  if constexpr (kAtomic) {
    atomicAdd(count, 1);
  } else {
    ++*count;
  }
  __syncthreads();
  if (threadIdx.x < 8) atomicAdd(counts + threadIdx.x, own[threadIdx.x]);
}

// Sums of blocks, added up in global memory.
template <bool kAtomic>
__global__ void add_blocks(const int* data, int* sum) {
  if (threadIdx.x != 0) return;
  if constexpr (kAtomic) {
    atomicAdd(sum, data[blockIdx.x]);
  } else {
    *sum += data[blockIdx.x];
  }
}

// The last block to come sums what all have published.
template <bool kFence>
__global__ void last_block_sums(const int* data, int* partial, unsigned* ticket, int* sum) {
  if (threadIdx.x != 0) return;
  partial[blockIdx.x] = 2 * data[blockIdx.x];
  if constexpr (kFence) __threadfence();
  if (atomicAdd(ticket, 1u) != gridDim.x - 1) return;
  int total = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) total += *static_cast<volatile int*>(partial + b);
  *sum = total;
}

__global__ void shift_global(const int* in, int* out, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) out[i] = in[i + 1];
}

__global__ void shift_shared(int* data, int from) {
  __shared__ int held[kThreads];
  __shared__ int other[kThreads];
  held[threadIdx.x] = data[threadIdx.x];
  other[threadIdx.x] = 0;
  __syncthreads();
  data[threadIdx.x] = held[threadIdx.x + from] + other[threadIdx.x];
}

__global__ void write_dynamic(int* data, int n) {
  extern __shared__ int dynamic[];
  if (static_cast<int>(threadIdx.x) < n) dynamic[threadIdx.x] = data[threadIdx.x];
  __syncthreads();
  if (static_cast<int>(threadIdx.x) < n) data[threadIdx.x] = dynamic[n - 1 - threadIdx.x];
}

template <bool kEarly>
__global__ void sum_of_warp(int* data, int n) {
  if constexpr (kEarly) {
    if (static_cast<int>(threadIdx.x) >= n) return;
  }
  int value = static_cast<int>(threadIdx.x) < n ? data[threadIdx.x] : 0;
  for (int by = 16; by > 0; by /= 2) value += __shfl_down_sync(~0u, value, by);
  if (threadIdx.x == 0) data[0] = value;
}

// Lanes shuffle in two branches, each naming all.
__global__ void shuffle_in_branches(int* data) {
  int value = data[threadIdx.x];
  if (threadIdx.x < 16) {
    value = __shfl_sync(~0u, value, 1);
    data[threadIdx.x] = value + 1;
  } else {
    value = __shfl_sync(~0u, value, 17) * 3;
    data[threadIdx.x] = value;
  }
}

template <bool kDivergent>
__global__ void barrier_in_branch(int* data) {
  __shared__ int held[kThreads];
  held[threadIdx.x] = data[threadIdx.x];
  if (!kDivergent || threadIdx.x % 2 == 0) {
    __syncthreads();
    data[threadIdx.x] = held[kThreads - 1 - threadIdx.x];
  }
  __syncthreads();
  if (threadIdx.x % 2 == 1) data[threadIdx.x] = held[0];
}

__global__ void load_wide(const float* in, float* out, int from) {
  const float4 four = *reinterpret_cast<const float4*>(in + from + 4 * threadIdx.x);
  out[threadIdx.x] = four.x + four.y + four.z + four.w;
}

template <bool kClear>
__global__ void count_even(const int* data, int* result) {
  __shared__ int count;
  if (kClear && threadIdx.x == 0) count = 0;
  __syncthreads();
  if (data[threadIdx.x] % 2 == 0) atomicAdd(&count, 1);
  __syncthreads();
  if (threadIdx.x == 0) *result = count;
}

__global__ void sum_shared(int* data, int written) {
  __shared__ int held[kThreads];
  if (static_cast<int>(threadIdx.x) < written) held[threadIdx.x] = data[threadIdx.x];
  __syncthreads();
  data[threadIdx.x] = held[threadIdx.x] > 0 ? 1 : 2;
}

__global__ void copy(const int* in, int* out) {
  out[threadIdx.x] = in[threadIdx.x] + 1;
}

__global__ void read_only_and_written(const int* __restrict__ in, int* out) {
  out[threadIdx.x] = 5;
  out[threadIdx.x] += __ldg(in + threadIdx.x);
}

__global__ void wait_for_a_later_block(volatile int* flag) {
  if (blockIdx.x == 0) {
    while (*flag == 0) {
    }
  } else {
    *flag = 1;
  }
}

// Runs the launch; `kind`: what must be found, or empty.
void expect(const char* name, const std::string& kind, const std::function<void()>& launch) {
  launch();
  const cudaError_t status = cudaDeviceSynchronize();
  const std::string found = status == cudaSuccess ? "" : cudaGetErrorString(status);
  if (kind.empty()) {
    check(found.empty(), std::string(name) + " is clean, but: " + found);
  } else {
    check(found.starts_with(kind + ":"), std::string(name) + ": expected " + kind + ", found: " + found);
  }
  cudaDeviceReset();
}

}  // namespace

int main() {
  std::vector<int> numbers(256);
  for (int k = 0; k < 256; ++k) numbers[static_cast<std::size_t>(k)] = 3 * k + 1;
  OnDevice<int> data(numbers), out(numbers), scratch(numbers);
  OnDevice<unsigned> ticket(std::vector<unsigned>(1, 0));
  OnDevice<float> floats(std::vector<float>(1024, 1.0f)), float_out(256);
  int *d = data.data(), *o = out.data(), *s = scratch.data();
  const auto reset_ticket = [&] { need(cudaMemset(ticket.data(), 0, 4), "memset"); };

  expect("reverse", "", [&] { reverse<true><<<1, kThreads>>>(d); });
  expect("reverse without a barrier", "data race", [&] { reverse<false><<<1, kThreads>>>(d); });
  expect("reverse in a warp", "", [&] { reverse_in_warp<true><<<1, 32>>>(d); });
  expect("reverse in a warp without a barrier", "data race", [&] { reverse_in_warp<false><<<1, 32>>>(d); });
  expect("scale by the sum", "", [&] { scale_by_sum<true><<<1, 32>>>(d); });
  expect("scale by the sum without a barrier", "data race", [&] { scale_by_sum<false><<<1, 32>>>(d); });
  expect("reverse twice", "", [&] { reverse_twice<true><<<1, kThreads>>>(d); });
  expect("reverse twice without the second barrier", "data race", [&] { reverse_twice<false><<<1, kThreads>>>(d); });
  expect("histogram", "", [&] { histogram<true><<<2, kThreads>>>(d, o); });
  expect("histogram without atomics", "data race", [&] { histogram<false><<<1, kThreads>>>(d, o); });
  expect("sum of blocks", "", [&] { add_blocks<true><<<4, 32>>>(d, o); });
  expect("sum of blocks without atomics", "data race", [&] { add_blocks<false><<<4, 32>>>(d, o); });
  reset_ticket();
  expect("last block", "", [&] { last_block_sums<true><<<4, 32>>>(d, s, ticket.data(), o); });
  reset_ticket();
  expect("last block without a fence", "data race", [&] { last_block_sums<false><<<4, 32>>>(d, s, ticket.data(), o); });
  expect("shift", "", [&] { shift_global<<<2, kThreads>>>(d, o, 255); });
  expect("shift past the end", "out of bounds", [&] { shift_global<<<2, kThreads>>>(d, o, 256); });
  expect("shift in shared memory", "", [&] { shift_shared<<<1, kThreads>>>(d, 0); });
  expect("shift past a shared array", "out of bounds", [&] { shift_shared<<<1, kThreads>>>(d, 1); });
  expect("dynamic shared memory", "", [&] { write_dynamic<<<1, 64, 64 * 4>>>(d, 64); });
  expect("past dynamic shared memory", "out of bounds", [&] { write_dynamic<<<1, 64, 63 * 4>>>(d, 64); });
  expect("sum of a warp", "", [&] { sum_of_warp<false><<<1, 32>>>(d, 20); });
  expect("early return before a shuffle", "inactive lane", [&] { sum_of_warp<true><<<1, 32>>>(d, 20); });
  expect("shuffles in two branches", "inactive lane", [&] { shuffle_in_branches<<<1, 32>>>(d); });
  expect("barrier", "", [&] { barrier_in_branch<false><<<1, kThreads>>>(d); });
  expect("divergent barrier", "divergent barrier", [&] { barrier_in_branch<true><<<1, kThreads>>>(d); });
  expect("wide load", "", [&] { load_wide<<<1, 32>>>(floats.data(), float_out.data(), 4); });
  expect("misaligned wide load", "misaligned", [&] { load_wide<<<1, 32>>>(floats.data(), float_out.data(), 2); });
  expect("count", "", [&] { count_even<true><<<1, kThreads>>>(d, o); });
  expect("count from nothing", "uninitialised value", [&] { count_even<false><<<1, kThreads>>>(d, o); });
  expect("sum of shared memory", "", [&] { sum_shared<<<1, kThreads>>>(d, kThreads); });
  expect("half of it unwritten", "uninitialised value", [&] {
    sum_shared<<<1, kThreads>>>(d, kThreads / 2);
    cudaMemcpy(numbers.data(), d, 4 * kThreads, cudaMemcpyDeviceToHost);
  });
  need(cudaMemset(d, 1, 4 * 256), "memset");
  expect("read-only load of what is written", "data race", [&] { read_only_and_written<<<1, 32>>>(o, o); });
  expect("read-only load", "", [&] { read_only_and_written<<<1, 32>>>(d, o); });

  int* freed = nullptr;
  need(cudaMalloc(reinterpret_cast<void**>(&freed), 4 * kThreads), "cudaMalloc");
  expect("unwritten memory to the host", "uninitialised value", [&] {
    copy<<<1, kThreads>>>(freed, o);
    cudaMemcpy(numbers.data(), o, 4 * kThreads, cudaMemcpyDeviceToHost);
  });
  cudaFree(freed);
  expect("use after free", "out of bounds", [&] { copy<<<1, kThreads>>>(freed, o); });
  expect("null pointer", "out of bounds", [&] { copy<<<1, kThreads>>>(nullptr, o); });
  expect("copy past the end", "out of bounds", [&] { cudaMemcpy(d, numbers.data(), 1025, cudaMemcpyHostToDevice); });
  need(cudaMemset(o, 0, 4), "memset");
  expect("blocks that wait for later ones", "no end", [&] { wait_for_a_later_block<<<2, 1>>>(o); });
  return summary();
}
