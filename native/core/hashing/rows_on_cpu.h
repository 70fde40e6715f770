// The rows of many ids on the CPU, of any kind of hash function. Computed kinds are plain loops of 32- and 64-bit
// arithmetic that the compiler vectorises; kinds with a mapping are scalar reads (three a cycle beat a vector gather),
// with prefetches when the mapping is too large for the cache. Single thread, measured in docs/results/speed.md.
// Deterministic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/support/multiversion.h"

namespace collide {

// What the loop of a kind is made of.
struct CpuLoops {
  std::size_t mapping_bytes;

  // out[i] = kind.row(ids[i]) for all i < n.
  template <typename Kind>
  void each(const Kind& given, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const {
    vectorised([kind = given, ids, n, out]() COLLIDE_INLINED {
      for (std::size_t i = 0; i < n; ++i) out[i] = kind.row(ids[i]);
    });
  }

  // work(), a COLLIDE_INLINED lambda, compiled for several instruction sets.
  template <typename Work>
  COLLIDE_MULTIVERSION static void vectorised(Work work) {
    work();
  }

  // read(i) for all i < n; where the mapping does not stay in the cache, address(i) is prefetched kAhead reads before.
  // A read is so short that the loop's own instructions count: unrolled it is up to 1.8 times as fast.
  template <typename Address, typename Read>
  COLLIDE_INLINE void read(std::size_t n, const Address& address, const Read& read) const {
    std::size_t i = 0;
    if (mapping_bytes > kCached) {
      for (std::size_t k = 0; k < std::min(kAhead, n); ++k) __builtin_prefetch(address(k));
#pragma GCC unroll 4
      for (; i + kAhead < n; ++i) {
        __builtin_prefetch(address(i + kAhead));
        read(i);
      }
    }
#pragma GCC unroll 4
    for (; i < n; ++i) read(i);
  }

 private:
  static constexpr std::size_t kAhead = 48;  // ids that a prefetch is ahead of its use
  // Bytes of a mapping that stay in the cache by themselves, beside the rows of a lookup: there a prefetch only costs
  // its instruction.
  static constexpr std::size_t kCached = 1 << 16;
};

// out[i] = row of ids[i], for ids below the cardinality (the caller has checked). `out` does not overlap `ids`.
template <typename Kind>
void rows_on_cpu(const Kind& kind, std::size_t mapping_bytes, const std::uint32_t* ids, std::size_t n,
                 std::uint32_t* out) {
  const CpuLoops cpu{mapping_bytes};
  if constexpr (requires { kind.rows_of(cpu, ids, n, out); }) {
    kind.rows_of(cpu, ids, n, out);
  } else {
    cpu.each(kind, ids, n, out);
  }
}

}  // namespace collide
