// Doubles as integers in the same order, so that a radix sort sorts them. cpu/clustering/key_sort.h has the same for
// the CPU.
#pragma once

#include <cstdint>

namespace collide::cuda {

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// A bijection from doubles to integers that keeps their order. Adding 0 turns -0 into +0: they are equal values.
__device__ inline std::uint64_t ordered_bits(double value) {
  const auto bits = static_cast<std::uint64_t>(__double_as_longlong(value + 0.0));
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

__device__ inline double from_ordered_bits(std::uint64_t key) {
  return __longlong_as_double(static_cast<long long>((key & kSign) != 0 ? key ^ kSign : ~key));
}

}  // namespace collide::cuda
