#include "cuda/dense/interaction.cuh"

#include <algorithm>

#include "core/support/portable.h"
#include "cuda/dense/load4.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

constexpr std::uint32_t kThreads = 256;
constexpr int kBlocks = 4;              // that share a multiprocessor: 64 registers a thread
constexpr std::uint32_t kDepth = 8;     // columns, or vectors, in shared memory at a time
constexpr std::uint32_t kRoom = 16384;  // bytes of it that several examples may take together
constexpr std::uint32_t kSide = 16;     // 4 x 4 tiles of a block backward, in each direction

std::uint32_t quads(std::uint32_t n) {
  return (n + 3) / 4;
}

// Floats from one column (or vector) to the next in shared memory, where those of all examples of a block stand side by
// side: an odd number of float4, so that reads along it and writes across it go to all banks.
std::uint32_t odd_pitch(std::uint32_t quads) {
  return 4 * (quads | 1);
}

// Where the dot of two vectors is, i > j.
__device__ __forceinline__ std::uint32_t dot_place(std::uint32_t i, std::uint32_t j) {
  return i * (i - 1) / 2 + j;
}

// sum[i][j] += a[i] * b[j] for four floats of each in shared memory.
__device__ __forceinline__ void add_products(const float* a, const float* b, float (&sum)[4][4]) {
  const float4 left = *reinterpret_cast<const float4*>(a), right = *reinterpret_cast<const float4*>(b);
  const float l[4] = {left.x, left.y, left.z, left.w}, r[4] = {right.x, right.y, right.z, right.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) sum[i][j] = __fmaf_rn(l[i], r[j], sum[i][j]);
  }
}

struct DotsArguments {
  const float* vectors;
  Rows z;
  std::uint32_t rows, numbers, dim;  // numbers: V + 1
  std::uint32_t together;            // examples per block
  std::uint32_t pitch;
  Division by_tiles;   // 4 x 4 tiles of the lower triangle
  Division by_padded;  // 4 * quads(numbers)
};

__global__ void __launch_bounds__(kThreads, kBlocks) dots(const __grid_constant__ DotsArguments args) {
  extern __shared__ float4 shared[];
  float* const room = reinterpret_cast<float*>(shared);  // [kDepth][pitch], a row holding [together][padded]
  const std::uint32_t padded = args.by_padded.divisor;
  const std::size_t first = std::size_t{blockIdx.x} * args.together;
  const std::uint32_t here = min(args.together, static_cast<std::uint32_t>(args.rows - first));

  // This thread's tile: rows 4 r, columns 4 c of the triangle of one example.
  const std::uint32_t task = blockIdx.y * kThreads + threadIdx.x;
  const std::uint32_t example = args.by_tiles.quotient(task), tile = args.by_tiles.remainder(task);
  auto r = static_cast<std::uint32_t>((sqrtf(8.0f * static_cast<float>(tile) + 1) - 1) / 2);
  while (r * (r + 1) / 2 > tile) --r;
  while ((r + 1) * (r + 2) / 2 <= tile) ++r;
  const std::uint32_t c = tile - r * (r + 1) / 2;
  const bool works = example < here;

  float sum[4][4] = {};
  const std::uint32_t column = threadIdx.x % kDepth;
  for (std::uint32_t d = 0; d < args.dim; d += kDepth) {
    __syncthreads();
    for (std::uint32_t i = threadIdx.x / kDepth; i < here * padded; i += kThreads / kDepth) {
      const std::uint32_t e = args.by_padded.quotient(i), v = args.by_padded.remainder(i);
      const std::size_t row = first + e;
      float value = 0;
      if (d + column < args.dim && v < args.numbers) {
        value = v == 0 ? args.z.data[row * args.z.pitch + d + column]
                       : __ldg(args.vectors + (row * (args.numbers - 1) + v - 1) * args.dim + d + column);
      }
      room[column * args.pitch + i] = value;
    }
    __syncthreads();
    if (works) {
      const float* const from = room + example * padded;
#pragma unroll
      for (std::uint32_t k = 0; k < kDepth; ++k) {
        add_products(from + k * args.pitch + 4 * r, from + k * args.pitch + 4 * c, sum);
      }
    }
  }
  if (!works) return;
  float* const out = args.z.data + (first + example) * args.z.pitch + args.dim;
#pragma unroll
  for (std::uint32_t i = 0; i < 4; ++i) {
#pragma unroll
    for (std::uint32_t j = 0; j < 4; ++j) {
      const std::uint32_t p = 4 * r + i, q = 4 * c + j;
      if (p < args.numbers && q < p) out[dot_place(p, q)] = sum[i][j];
    }
  }
}

struct BackwardArguments {
  const float* vectors;
  Rows z, z_gradient;
  float* vector_gradient;
  std::uint32_t rows, numbers, dim;
  std::uint32_t together;       // examples per block
  std::uint32_t column_blocks;  // blockIdx.y: (block of vectors) * column_blocks + (block of columns)
  std::uint32_t pair_pitch, vector_pitch;
  Division by_tiles, by_across;  // a block's 4 x 4 tiles for one example; those of them side by side
  Division by_padded;            // 4 * tiles one below the other
  bool aligned;                  // vectors and their gradient
  bool masked;
};

// Four columns of the gradient of vector p.
__device__ __forceinline__ void finish(const BackwardArguments& args, std::size_t row, std::uint32_t p,
                                       std::uint32_t column, const float (&sum)[4]) {
  if (p == 0) {
    float* const to = args.z_gradient.data + row * args.z_gradient.pitch + column;
    const float* const output = args.z.data + row * args.z.pitch + column;
#pragma unroll
    for (std::uint32_t j = 0; j < 4; ++j) {
      if (column + j < args.dim) to[j] = args.masked && !(__ldg(output + j) > 0.0f) ? 0.0f : to[j] + sum[j];
    }
    return;
  }
  float* const to = args.vector_gradient + (row * (args.numbers - 1) + p - 1) * args.dim + column;
  if (args.aligned) {
    *reinterpret_cast<float4*>(to) = {sum[0], sum[1], sum[2], sum[3]};
    return;
  }
#pragma unroll
  for (std::uint32_t j = 0; j < 4; ++j) {
    if (column + j < args.dim) to[j] = sum[j];
  }
}

// Per example the product of the pairs' gradients, a symmetric matrix with a zero diagonal, and the vectors.
__global__ void __launch_bounds__(kThreads, kBlocks) dots_backward(const __grid_constant__ BackwardArguments args) {
  extern __shared__ float4 shared[];
  const std::uint32_t padded = args.by_padded.divisor, across = args.by_across.divisor;
  float* const pairs = reinterpret_cast<float*>(shared);    // [kDepth][pair_pitch]: [together][padded]
  float* const vectors = pairs + kDepth * args.pair_pitch;  // [kDepth][vector_pitch]: [together][4 * across]
  const std::size_t first = std::size_t{blockIdx.x} * args.together;
  const std::uint32_t here = min(args.together, static_cast<std::uint32_t>(args.rows - first));
  const std::uint32_t first_vector = blockIdx.y / args.column_blocks * 4 * kSide;
  const std::uint32_t first_column = blockIdx.y % args.column_blocks * 4 * kSide;

  const std::uint32_t example = args.by_tiles.quotient(threadIdx.x), tile = args.by_tiles.remainder(threadIdx.x);
  const std::uint32_t down = args.by_across.quotient(tile) * 4, right = args.by_across.remainder(tile) * 4;
  const bool works = example < here;

  float sum[4][4] = {};
  const std::uint32_t lane = threadIdx.x % kDepth;
  for (std::uint32_t q = 0; q < args.numbers; q += kDepth) {
    __syncthreads();
    for (std::uint32_t i = threadIdx.x / kDepth; i < here * padded; i += kThreads / kDepth) {
      const std::uint32_t e = args.by_padded.quotient(i), down_here = args.by_padded.remainder(i);
      const std::uint32_t a = first_vector + down_here, b = q + lane;
      float value = 0;
      if (a < args.numbers && b < args.numbers && a != b) {
        const float* const gradients = args.z_gradient.data + (first + e) * args.z_gradient.pitch + args.dim;
        value = gradients[dot_place(max(a, b), min(a, b))];
      }
      pairs[lane * args.pair_pitch + i] = value;
    }
    for (std::uint32_t i = threadIdx.x; i < here * kDepth * across; i += kThreads) {
      const std::uint32_t line = args.by_across.quotient(i), right_here = args.by_across.remainder(i) * 4;
      const std::uint32_t e = line / kDepth, k = line % kDepth;
      const std::size_t row = first + e;
      const std::uint32_t v = q + k, column = first_column + right_here;
      const auto left = static_cast<std::int32_t>(args.dim - column);
      float4 value = {0, 0, 0, 0};
      if (v == 0) {
        value = load4(args.z.data + row * args.z.pitch + column, left, true);
      } else if (v < args.numbers) {
        value = load4(args.vectors + (row * (args.numbers - 1) + v - 1) * args.dim + column, left, args.aligned);
      }
      *reinterpret_cast<float4*>(vectors + k * args.vector_pitch + e * 4 * across + right_here) = value;
    }
    __syncthreads();
    if (works) {
      const float* const left = pairs + example * padded + down;
      const float* const top = vectors + example * 4 * across + right;
#pragma unroll
      for (std::uint32_t k = 0; k < kDepth; ++k) {
        add_products(left + k * args.pair_pitch, top + k * args.vector_pitch, sum);
      }
    }
  }
  if (!works || first_column + right >= args.dim) return;
#pragma unroll
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::uint32_t p = first_vector + down + i;
    if (p < args.numbers) finish(args, first + example, p, first_column + right, sum[i]);
  }
}

std::uint32_t blocks_of(std::uint32_t rows, std::uint32_t together) {
  return (rows + together - 1) / together;
}

// Examples per block when each needs so many threads and so many float4 of shared memory for each of kDepth steps.
std::uint32_t examples_together(std::uint32_t threads, std::uint32_t quads) {
  return std::max(1u, std::min(kThreads / threads, kRoom / (kDepth * quads * 16)));
}

}  // namespace

void launch_dots(const InteractionShape& shape, const float* vectors, Rows z, std::uint32_t rows, cudaStream_t stream) {
  DotsArguments args{};
  args.vectors = vectors;
  args.z = z;
  args.rows = rows;
  args.numbers = shape.vectors + 1;
  args.dim = shape.dim;
  const std::uint32_t down = quads(args.numbers), tiles = down * (down + 1) / 2;
  args.together = examples_together(tiles, down);
  args.pitch = odd_pitch(args.together * down);
  args.by_tiles = Division(tiles);
  args.by_padded = Division(4 * down);
  const dim3 grid(blocks_of(rows, args.together), blocks_of(tiles * args.together, kThreads));
  dots<<<grid, kThreads, kDepth * args.pitch * sizeof(float), stream>>>(args);
  check(cudaGetLastError(), "launch the pairwise dots");
}

void launch_dots_backward(const InteractionShape& shape, const float* vectors, Rows z, Rows z_gradient,
                          std::uint32_t rows, bool masked, float* vector_gradient, cudaStream_t stream) {
  BackwardArguments args{};
  args.vectors = vectors;
  args.z = z;
  args.z_gradient = z_gradient;
  args.vector_gradient = vector_gradient;
  args.rows = rows;
  args.numbers = shape.vectors + 1;
  args.dim = shape.dim;
  args.aligned = rows_aligned(vectors, shape.dim) && rows_aligned(vector_gradient, shape.dim);
  args.masked = masked;
  const std::uint32_t all_down = quads(args.numbers), all_across = quads(shape.dim);
  const std::uint32_t down = std::min(kSide, all_down), across = std::min(kSide, all_across);
  args.together = examples_together(down * across, down + across);
  args.pair_pitch = odd_pitch(args.together * down);
  args.vector_pitch = odd_pitch(args.together * across);
  args.by_tiles = Division(down * across);
  args.by_across = Division(across);
  args.by_padded = Division(4 * down);
  args.column_blocks = blocks_of(all_across, across);
  const dim3 grid(blocks_of(rows, args.together), blocks_of(all_down, down) * args.column_blocks);
  const std::size_t bytes = kDepth * (args.pair_pitch + args.vector_pitch) * sizeof(float);
  dots_backward<<<grid, kThreads, bytes, stream>>>(args);
  check(cudaGetLastError(), "launch the gradient of the pairwise dots");
}

}  // namespace collide::cuda
