// The optimizers' step of one row on a device: the bits of cpu/embedding/row_optimizer.h, by `lanes` threads of a warp
// (8, 16 or 32), each kPack columns at a time.
#pragma once

#include <cstdint>

#include "core/embedding/optimizer.h"
#include "cuda/embedding/backward_plan.h"
#include "cuda/embedding/lookup_thread.h"

namespace collide::cuda {

// The threads that step a row together.
struct Group {
  std::uint32_t lanes, lane, mask;

  __device__ explicit Group(std::uint32_t count) : lanes(count), lane(threadIdx.x % count) {
    mask = count == 32 ? ~0u : ((1u << count) - 1) << (threadIdx.x % 32 - lane);
  }
  __device__ void sync() const { __syncwarp(mask); }
};

// As load_pack, of memory that this kernel writes too.
template <int kPack>
__device__ Pack<kPack> read_pack(const float* address, bool aligned) {
  Pack<kPack> pack;
  if constexpr (kPack == 4) {
    if (aligned) {
      const float4 wide = *reinterpret_cast<const float4*>(address);
      return {{wide.x, wide.y, wide.z, wide.w}};
    }
  } else if constexpr (kPack == 2) {
    if (aligned) {
      const float2 wide = *reinterpret_cast<const float2*>(address);
      return {{wide.x, wide.y}};
    }
  }
  for (int j = 0; j < kPack; ++j) pack.values[j] = address[j];
  return pack;
}

// As clip_row: four sums in float64, each of every fourth column, then the columns that are left.
inline __device__ void clip_row(const Group& group, float max_norm, float* gradient, std::uint32_t width) {
  const std::uint32_t whole = width / 4 * 4;
  double sum = 0;
#pragma unroll 1  // unrolled, the loops of this file take registers from the sums
  for (std::uint32_t column = group.lane % 4; column < whole; column += 4) {
    sum += double{gradient[column]} * gradient[column];
  }
  sum += __shfl_xor_sync(group.mask, sum, 2);
  sum += __shfl_xor_sync(group.mask, sum, 1);
#pragma unroll 1
  for (std::uint32_t column = whole; column < width; ++column) sum += double{gradient[column]} * gradient[column];
  const double norm = sqrt(sum);
  if (!(norm > max_norm)) return;
  const float factor = static_cast<float>(max_norm / norm);
  group.sync();  // all have read
#pragma unroll 1
  for (std::uint32_t column = group.lane; column < width; column += group.lanes) gradient[column] *= factor;
  group.sync();
}

// As mean_square: eight sums, each of every eighth column.
inline __device__ float mean_square(const Group& group, const float* gradient, std::uint32_t width) {
  float sum = 0;
#pragma unroll 1
  for (std::uint32_t column = group.lane % 8; column < width; column += 8) sum += gradient[column] * gradient[column];
  sum += __shfl_xor_sync(group.mask, sum, 4);
  sum += __shfl_xor_sync(group.mask, sum, 2);
  sum += __shfl_xor_sync(group.mask, sum, 1);
  return sum / static_cast<float>(width);
}

// Steps a row. gradient: [width] in shared memory, which all lanes see; it may be overwritten.
template <int kPack, typename Kind>
__device__ void step_row(const Group& group, const RowStep<Kind>& step, const SteppedTable& table, std::uint32_t row,
                         float* gradient) {
  constexpr int kColumnStates = Kind::kColumnStates, kRowStates = Kind::kRowStates;
  const std::uint32_t width = table.width;
  float* weights = table.weights + std::uint64_t{row} * width;
  float* state = table.state + std::uint64_t{row} * (kColumnStates * width + kRowStates);
  if (step.max_row_norm > 0) clip_row(group, step.max_row_norm, gradient, width);
  float rate = step.numbers.learning_rate;
  if constexpr (kRowStates > 0) {
    float* const shared = state + kColumnStates * width;
    float values[kRowStates];
    for (int s = 0; s < kRowStates; ++s) values[s] = shared[s];
    rate = Kind::row_rate(step.numbers, mean_square(group, gradient, width), values);
    group.sync();  // all have read
    for (int s = 0; group.lane == 0 && s < kRowStates; ++s) shared[s] = values[s];
  }
#pragma unroll 1
  for (std::uint32_t column = group.lane * kPack; column < width; column += group.lanes * kPack) {
    Pack<kPack> row_values = read_pack<kPack>(weights + column, true);
    const Pack<kPack> g = read_pack<kPack>(gradient + column, true);
    Pack<kPack> states[kColumnStates + 1];
    for (int s = 0; s < kColumnStates; ++s) {
      states[s] = read_pack<kPack>(state + s * width + column, table.aligned_state);
    }
    for (int j = 0; j < kPack; ++j) {
      float of_column[kColumnStates + 1];
      for (int s = 0; s < kColumnStates; ++s) of_column[s] = states[s].values[j];
      row_values.values[j] = Kind::next(step.numbers, rate, row_values.values[j], g.values[j], of_column);
      for (int s = 0; s < kColumnStates; ++s) states[s].values[j] = of_column[s];
    }
    for (int s = 0; s < kColumnStates; ++s) {
      store_pack<kPack>(state + s * width + column, states[s], table.aligned_state);
    }
    store_pack<kPack>(weights + column, row_values, true);
  }
}

}  // namespace collide::cuda
