// What threads do together and how they part and meet: shuffles, votes, matches, barriers, atomics, divergent branches
// and loops, local, shared and constant memory, vectors. Expected values come from the host.
#include <algorithm>
#include <cstdint>

#include "check.h"

namespace {

using namespace collide::testing;

__constant__ int primes[4] = {2, 3, 5, 7};
__device__ int counter = 40;

// One int per thread of one block.
template <typename Kernel, typename Host>
void expect(const char* name, int threads, Kernel launch, Host host) {
  OnDevice<int> out(static_cast<std::size_t>(threads));
  launch(out.data());
  need(cudaDeviceSynchronize(), name);
  const std::vector<int> found = out.host();
  bool ok = true;
  for (int t = 0; t < threads; ++t) {
    if (ok && found[static_cast<std::size_t>(t)] != host(t)) {
      ok = false;
      check(false, std::string(name) + ", thread " + std::to_string(t) + ": " +
                       std::to_string(found[static_cast<std::size_t>(t)]) + ", not " + std::to_string(host(t)));
    }
  }
  if (ok) check(true, name);
}

__global__ void shuffles(int* out, int by, int width) {
  const int value = static_cast<int>(threadIdx.x) * 3;
  out[threadIdx.x] = __shfl_sync(~0u, value, by, width) + 1000 * __shfl_up_sync(~0u, value, by, width) +
                     1000000 * __shfl_down_sync(~0u, value, by, width) - __shfl_xor_sync(~0u, value, by, width) * 7;
}

int shuffled(int t, int by, int width) {
  const int first = t / width * width;
  const auto value = [](int lane) { return lane * 3; };
  const int index = value(first + by % width), up = value(t - by >= first ? t - by : t);
  const int down = value(t + by < first + width ? t + by : t);
  const int other = value((t ^ by) < first + width ? t ^ by : t);
  return index + 1000 * up + 1000000 * down - other * 7;
}

__global__ void votes(int* out, int limit) {
  const bool below = static_cast<int>(threadIdx.x) < limit;
  const unsigned mask = 0x0ff00fff;
  int result = -1;
  if ((mask >> threadIdx.x & 1) != 0) {
    result =
        static_cast<int>(__ballot_sync(mask, below) >> 1) * 8 + __all_sync(mask, below) + 2 * __any_sync(mask, below);
  }
  out[threadIdx.x] = result;
}

__global__ void matches(int* out) {
  int all;
  const unsigned any = __match_any_sync(~0u, threadIdx.x % 5);
  const unsigned same = __match_all_sync(~0u, 12345ull, &all);
  out[threadIdx.x] = static_cast<int>(any) + static_cast<int>(same) * 2 + all;
}

// Lanes leave the loop at different times; each meets the others behind it.
__global__ void uneven_loops(int* out) {
  int n = static_cast<int>(threadIdx.x) + 1, steps = 0;
  while (n != 1) {
    n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    ++steps;
  }
  __syncwarp();
  out[threadIdx.x] = steps + 1000 * __shfl_sync(~0u, steps, (threadIdx.x + 1) % 32);
}

int collatz(int n) {
  int steps = 0;
  for (; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return steps;
}

__global__ void choices(int* out) {
  int value = static_cast<int>(threadIdx.x);
  switch (threadIdx.x % 8) {
    case 0:
      value *= 3;
      break;
    case 1:
      value ^= 77;
      break;
    case 2:
      value = out[0] * 0 - value;
      break;
    case 3:
      value += primes[threadIdx.x % 4];
      break;
    case 4:
      value = value * value;
      break;
    case 5:
      value = 1 << (value & 15);
      break;
    case 6:
      value = ~value;
      break;
    default:
      value -= 1000;
  }
  out[threadIdx.x] = value;
}

int chosen(int t) {
  constexpr int list[4] = {2, 3, 5, 7};
  const int values[8] = {3 * t, t ^ 77, -t, t + list[t % 4], t * t, 1 << (t & 15), ~t, t - 1000};
  return values[t % 8];
}

// The same by a table of targets, which the compiler does not make of the switch above.
__global__ void jump_table(int* out) {
  int value;
  asm("{\n"
      "targets: .branchtargets first, second, third;\n"
      "brx.idx %1, targets;\n"
      "first: mov.u32 %0, 10; bra done;\n"
      "second: add.u32 %0, %1, 20; bra done;\n"
      "third: mov.u32 %0, 30;\n"
      "done: }"
      : "=r"(value)
      : "r"(threadIdx.x % 3));
  out[threadIdx.x] = value;
}

// An array that is indexed by a variable lives in local memory.
__global__ void local_array(int* out, int n) {
  int held[16];
  for (int k = 0; k < 16; ++k) held[k] = k * static_cast<int>(threadIdx.x);
  int sum = 0;
  for (int k = 0; k < n; ++k) sum += held[(k * 7 + static_cast<int>(threadIdx.x)) % 16];
  out[threadIdx.x] = sum;
}

__global__ void block_votes(int* out) {
  const bool even = threadIdx.x % 2 == 0;
  out[threadIdx.x] = __syncthreads_count(even) * 4 + __syncthreads_and(even) + 2 * __syncthreads_or(even);
}

// Warps wait for each other at barriers, warp 0 with more to do.
__global__ void rounds(int* out) {
  __shared__ int held[96];
  held[threadIdx.x] = static_cast<int>(threadIdx.x);
  for (int round = 0; round < 5; ++round) {
    __syncthreads();
    const int next = held[(threadIdx.x + 33) % 96] + 1;
    int spin = threadIdx.x < 32 ? 50 : 1;
    while (spin > 0) --spin;
    __syncthreads();
    held[threadIdx.x] = next + spin;
  }
  out[threadIdx.x] = held[threadIdx.x];
}

__global__ void atomics(int* out) {
  __shared__ unsigned count, least, most, bits, wrapped;
  __shared__ unsigned long long wide;
  __shared__ int owner;
  if (threadIdx.x == 0) {
    count = most = bits = wrapped = 0;
    least = ~0u;
    wide = 0;
    owner = -1;
  }
  __syncthreads();
  const unsigned ticket = atomicAdd(&count, 1u);
  atomicMin(&least, threadIdx.x + 5);
  atomicMax(&most, threadIdx.x + 5);
  atomicOr(&bits, 1u << (threadIdx.x & 31));
  atomicInc(&wrapped, 9u);
  atomicAdd(&wide, 1ull << 33);
  const bool won = atomicCAS(&owner, -1, static_cast<int>(threadIdx.x)) == -1;
  const int winners = __syncthreads_count(won), tickets_in_range = __syncthreads_and(ticket < blockDim.x);
  const bool good = winners == 1 && tickets_in_range && count == 64 && least == 5 && most == 68 && bits == ~0u &&
                    wrapped == 64 % 10 && wide == 64ull << 33;
  out[threadIdx.x] = good;
}

__global__ void float_atomics(float* sum, double* wide) {
  atomicAdd(sum, 0.5f);
  atomicAdd(wide, 0.25);
}

__global__ void vectors(const uint4* in, ushort4* narrow, double2* out, int* sum) {
  const uint4 four = in[threadIdx.x];
  narrow[threadIdx.x] = make_ushort4(four.x, four.y, four.z, four.w);
  out[threadIdx.x] = make_double2(four.x, four.w);
  sum[threadIdx.x] = static_cast<int>(four.x + four.y + four.z + four.w);
}

__global__ void three_dimensions(int* out) {
  const unsigned i = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  out[block * 24 + i] = static_cast<int>(block * 1000 + i);
}

__global__ void use_counter(int* out) {
  out[threadIdx.x] = atomicAdd(&counter, 0) + primes[threadIdx.x % 4];
}

// Lanes in two branches synchronise each among themselves.
__global__ void branch_masks(int* out) {
  const int value = static_cast<int>(threadIdx.x);
  int result;
  if (threadIdx.x % 2 == 0) {
    result = __shfl_sync(0x55555555, value, (threadIdx.x + 2) % 32);
  } else {
    result = 100 * __shfl_sync(0xaaaaaaaa, value, (threadIdx.x + 4) % 32);
  }
  out[threadIdx.x] = result;
}

}  // namespace

int main() {
  for (const int width : {32, 16, 8, 4}) {
    for (const int by : {0, 1, 2, 5, 15}) {
      if (by >= width) continue;
      expect(
          "shuffles", 32, [=](int* out) { shuffles<<<1, 32>>>(out, by, width); },
          [=](int t) { return shuffled(t, by, width); });
    }
  }
  for (const int limit : {0, 7, 40}) {
    expect(
        "votes", 32, [=](int* out) { votes<<<1, 32>>>(out, limit); },
        [=](int t) {
          const unsigned mask = 0x0ff00fff, below = (limit >= 32 ? ~0u : (1u << limit) - 1) & mask;
          if ((mask >> t & 1) == 0) return -1;
          return static_cast<int>(below >> 1) * 8 + (below == mask) + 2 * (below != 0);
        });
  }
  expect(
      "matches", 32, [](int* out) { matches<<<1, 32>>>(out); },
      [](int t) {
        unsigned any = 0;
        for (int k = t % 5; k < 32; k += 5) any |= 1u << k;
        return static_cast<int>(any + ~0u * 2 + 1);
      });
  expect(
      "uneven loops", 32, [](int* out) { uneven_loops<<<1, 32>>>(out); },
      [](int t) { return collatz(t + 1) + 1000 * collatz((t + 1) % 32 + 1); });
  expect(
      "a switch", 64,
      [](int* out) {
        need(cudaMemset(out, 0, 64 * 4), "memset");
        choices<<<1, 64>>>(out);
      },
      chosen);
  expect(
      "a jump table", 32, [](int* out) { jump_table<<<1, 32>>>(out); },
      [](int t) { return t % 3 == 0   ? 10
                         : t % 3 == 1 ? 21
                                      : 30; });
  expect(
      "a local array", 40, [](int* out) { local_array<<<1, 40>>>(out, 11); },
      [](int t) {
        int sum = 0;
        for (int k = 0; k < 11; ++k) sum += (k * 7 + t) % 16 * t;
        return sum;
      });
  expect(
      "votes of a block", 96, [](int* out) { block_votes<<<1, 96>>>(out); }, [](int) { return 48 * 4 + 2; });
  expect(
      "rounds between barriers", 96, [](int* out) { rounds<<<1, 96>>>(out); },
      [](int t) { return (t + 5 * 33) % 96 + 5; });
  expect(
      "atomics", 64, [](int* out) { atomics<<<1, 64>>>(out); }, [](int) { return 1; });
  const int added = 2;
  need(cudaMemcpyToSymbol(counter, &added, sizeof added), "copy to a symbol");
  expect(
      "device and constant variables", 8, [](int* out) { use_counter<<<1, 8>>>(out); },
      [](int t) {
        constexpr int list[4] = {2, 3, 5, 7};
        return 2 + list[t % 4];
      });
  expect(
      "masks of branches", 32, [](int* out) { branch_masks<<<1, 32>>>(out); },
      [](int t) { return t % 2 == 0 ? (t + 2) % 32 : 100 * ((t + 4) % 32); });
  expect(
      "three dimensions", 24 * 12, [](int* out) { three_dimensions<<<dim3(3, 2, 2), dim3(2, 3, 4)>>>(out); },
      [](int t) { return t / 24 * 1000 + t % 24; });

  OnDevice<float> sum(std::vector<float>(1, 0.0f));
  OnDevice<double> wide(std::vector<double>(1, 0.0));
  float_atomics<<<3, 50>>>(sum.data(), wide.data());
  check(sum.host()[0] == 75.0f && wide.host()[0] == 37.5, "float atomics");

  std::vector<unsigned> numbers(4 * 32);
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = static_cast<unsigned>(k * k);
  OnDevice<unsigned> in(numbers);
  OnDevice<unsigned short> narrow(4 * 32);
  OnDevice<double> doubles(2 * 32);
  OnDevice<int> sums(32);
  vectors<<<1, 32>>>(reinterpret_cast<const uint4*>(in.data()), reinterpret_cast<ushort4*>(narrow.data()),
                     reinterpret_cast<double2*>(doubles.data()), sums.data());
  const auto narrow_found = narrow.host();
  const auto doubles_found = doubles.host();
  const auto sums_found = sums.host();
  bool ok = true;
  for (std::size_t t = 0; t < 32; ++t) {
    const unsigned* four = numbers.data() + 4 * t;
    for (std::size_t k = 0; k < 4; ++k) ok &= narrow_found[4 * t + k] == static_cast<unsigned short>(four[k]);
    ok &= doubles_found[2 * t] == four[0] && doubles_found[2 * t + 1] == four[3];
    ok &= sums_found[t] == static_cast<int>(four[0] + four[1] + four[2] + four[3]);
  }
  check(ok, "vectors");
  return summary();
}
