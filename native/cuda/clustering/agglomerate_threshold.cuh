// The m smallest of many pairs by (score, position), without a sort: the m-th is found digit by digit, the highest
// first. A launch counts the digits of 8 bits of the pairs that are the m-th's equals so far, and its last block says
// which digit is the m-th's; once it is known which pairs are in, the launches that are left return at once.
//
// 8 launches for the digits of scores and 4 for those of positions, each reading 8 bytes per pair: 4 or so do, more
// where scores tie.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

struct PairThreshold {
  std::uint64_t score;     // as bits: scores are >= 0
  std::uint32_t position;  // of the last pair that is in with this score

  __device__ bool holds(std::uint64_t bits, std::uint32_t at) const {
    return bits < score || (bits == score && at <= position);
  }
};

class ThresholdSearch {
 public:
  ThresholdSearch() : state_(1, "the threshold of a clustering") {}

  // scores, positions [n] as bits; 1 <= m <= n.
  void run(const std::uint64_t* scores, const std::uint32_t* positions, std::size_t n, std::uint32_t m,
           const Stream& stream);
  // In device memory; exactly m pairs are held by it.
  const PairThreshold* threshold() const { return &state_.data()->threshold; }

  static constexpr unsigned kDigits = 256;
  struct State {
    PairThreshold threshold;
    std::uint32_t rank;     // of the m-th among its equals so far
    std::uint32_t done;     // whether all of these are in
    std::uint32_t arrived;  // blocks that have counted
    std::uint32_t counts[kDigits];
  };

 private:
  DeviceArray<State> state_;
};

}  // namespace collide::cuda
