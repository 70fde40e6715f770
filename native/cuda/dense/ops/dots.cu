#include "cuda/dense/ops/dots.cuh"

#include <algorithm>

#include "core/support/portable.h"
#include "cuda/dense/load4.cuh"
#include "cuda/dense/op.cuh"
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
  Rows first, vectors, dots;
  std::uint32_t rows, firsts, numbers, dim;  // numbers: all vectors
  std::uint32_t together;                    // examples per block
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
        value = v < args.firsts
                    ? args.first.data[row * args.first.pitch + d + column]
                    : __ldg(args.vectors.data + row * args.vectors.pitch + (v - args.firsts) * args.dim + d + column);
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
  float* const out = args.dots.data + (first + example) * args.dots.pitch;
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
  Rows first, vectors;
  DotsGradients to;
  std::uint32_t rows, firsts, numbers, dim;
  std::uint32_t together;       // examples per block
  std::uint32_t column_blocks;  // blockIdx.y: (block of vectors) * column_blocks + (block of columns)
  std::uint32_t pair_pitch, vector_pitch;
  Division by_tiles, by_across;  // a block's 4 x 4 tiles for one example; those of them side by side
  Division by_padded;            // 4 * tiles one below the other
  bool first_aligned, aligned;   // the first vector; vectors and their gradient
};

// Four columns of the gradient of vector p.
__device__ __forceinline__ void finish(const BackwardArguments& args, std::size_t row, std::uint32_t p,
                                       std::uint32_t column, const float (&sum)[4]) {
  if (p < args.firsts) {
    if (args.to.first.data == nullptr) return;
    float* const to = args.to.first.data + row * args.to.first.pitch + column;
    const float* const output = args.first.data + row * args.first.pitch + column;
#pragma unroll
    for (std::uint32_t j = 0; j < 4; ++j) {
      if (column + j >= args.dim) break;
      const float value = args.to.add_first ? to[j] + sum[j] : sum[j];
      to[j] = args.to.mask_first && !(__ldg(output + j) > 0.0f) ? 0.0f : value;
    }
    return;
  }
  if (args.to.vectors.data == nullptr) return;
  float* const to = args.to.vectors.data + row * args.to.vectors.pitch + (p - args.firsts) * args.dim + column;
  if (args.aligned) {
    float4 value = {sum[0], sum[1], sum[2], sum[3]};
    if (args.to.add_vectors) {
      const float4 old = *reinterpret_cast<const float4*>(to);
      value.x += old.x, value.y += old.y, value.z += old.z, value.w += old.w;
    }
    *reinterpret_cast<float4*>(to) = value;
    return;
  }
#pragma unroll
  for (std::uint32_t j = 0; j < 4; ++j) {
    if (column + j < args.dim) to[j] = args.to.add_vectors ? to[j] + sum[j] : sum[j];
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
        value = args.to.dots.data[(first + e) * args.to.dots.pitch + dot_place(max(a, b), min(a, b))];
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
      if (v < args.firsts) {
        value = load4(args.first.data + row * args.first.pitch + column, left, args.first_aligned);
      } else if (v < args.numbers) {
        value = load4(args.vectors.data + row * args.vectors.pitch + (v - args.firsts) * args.dim + column, left,
                      args.aligned);
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

// Whether all vectors of all rows begin at a multiple of 16 bytes.
bool vectors_aligned(const Rows& vectors, std::uint32_t dim) {
  return rows_aligned(vectors.data, dim) && vectors.pitch % 4 == 0;
}

class DotsOp final : public DeviceOp {
 public:
  explicit DotsOp(const OpContext& op)
      : firsts_(op.node().inputs.size() - 1),
        shape_{static_cast<std::uint32_t>(firsts_), static_cast<std::uint32_t>(op.node().input_shapes.back().vectors),
               static_cast<std::uint32_t>(op.node().input_shapes.back().width)},
        vectors_(op.input(firsts_)),
        value_(op.value()),
        gradient_(op.gradient()),
        vectors_gradient_(op.input_gradient(firsts_)),
        plans_(op.plan().gradients) {
    if (firsts_ > 0) first_ = op.input(0), first_gradient_ = op.input_gradient(0);
  }

  void forward(const Pass& pass) const override {
    launch_dots(shape_, first_.rows(pass), vectors_.rows(pass), value_.rows(pass), pass.rows, pass.stream);
  }

  void backward(const Pass& pass) const override {
    if (!first_gradient_ && !vectors_gradient_) return;
    DotsGradients to;
    to.dots = gradient_.rows(pass);
    to.first = first_gradient_.rows(pass);
    to.vectors = vectors_gradient_.rows(pass);
    if (firsts_ > 0) to.add_first = plans_[0].add, to.mask_first = plans_[0].mask;
    to.add_vectors = plans_.back().add;
    launch_dots_backward(shape_, first_.rows(pass), vectors_.rows(pass), to, pass.rows, pass.stream);
  }

 private:
  std::size_t firsts_;
  DotsShape shape_;
  DeviceSlot first_, vectors_, value_, gradient_, first_gradient_, vectors_gradient_;
  std::vector<GradientPlan> plans_;
};

}  // namespace

void launch_dots(const DotsShape& shape, Rows first, Rows vectors, Rows to, std::uint32_t rows, cudaStream_t stream) {
  DotsArguments args{};
  args.first = first;
  args.vectors = vectors;
  args.dots = to;
  args.rows = rows;
  args.firsts = shape.firsts;
  args.numbers = shape.firsts + shape.vectors;
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

void launch_dots_backward(const DotsShape& shape, Rows first, Rows vectors, const DotsGradients& gradients,
                          std::uint32_t rows, cudaStream_t stream) {
  BackwardArguments args{};
  args.first = first;
  args.vectors = vectors;
  args.to = gradients;
  args.rows = rows;
  args.firsts = shape.firsts;
  args.numbers = shape.firsts + shape.vectors;
  args.dim = shape.dim;
  args.first_aligned = rows_aligned(first.data, first.pitch);
  args.aligned = vectors_aligned(vectors, shape.dim) && vectors_aligned(gradients.vectors, shape.dim);
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

std::unique_ptr<DeviceOp> make_dots(const OpContext& op) {
  return std::make_unique<DotsOp>(op);
}

}  // namespace collide::cuda
