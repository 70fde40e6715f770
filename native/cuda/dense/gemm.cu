#include "cuda/dense/gemm.cuh"

#include <algorithm>

#include "cuda/dense/load4.cuh"
#include "cuda/dense/loss.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kBlocks = 4;   // that share a multiprocessor: 64 registers a thread
constexpr int kHeight = 64;  // rows of a block's tile
constexpr int kDepth = 16;   // of the tiles in shared memory
constexpr std::uint32_t kNarrow = 32;
static_assert(kLossRows == kHeight && kShardRows % kDepth == 0);

// How an operand lies in memory: along its rows (or columns) of the result, or along k.
enum class Along { kOuter, kInner };
enum class Finish { kBias, kBiasRelu, kLoss, kPlain, kMask, kAdd, kShard };

struct Operand {
  const float* data;
  std::size_t pitch;
  bool aligned = rows_aligned(data, pitch);
};

// c [m, n] = a [m, k] b [k, n]; kOuter: a is stored as [k, m], b as [k, n]; kInner: [m, k], [n, k].
struct ProductArguments {
  Operand a, b;
  Rows c;
  std::uint32_t m, n, k;
  bool c_aligned = rows_aligned(c.data, c.pitch);
  const float* bias = nullptr;  // kBias, kBiasRelu, kLoss
  LossTarget loss = {};         // kLoss
  std::uint32_t shards = 1;     // kShard: k is cut into so many, one for each blockIdx.z
};

// kDepth by kWidth of an operand, k by k. The 4 floats of padding keep rows aligned and take writes along a column to
// other banks.
template <int kWidth>
struct Tile {
  float at[kDepth][kWidth + 4];
};

// This thread's 4 floats of a tile, on their way from global to shared memory. Zeros outside of the operand.
template <Along kAlong, int kWidth>
struct Part {
  static constexpr int kAcross = kAlong == Along::kOuter ? kWidth / 4 : kDepth / 4;
  static constexpr bool kAll = kWidth * kDepth / 4 == kThreads;  // else only the first threads have a part
  float4 value;

  static __device__ int slow() { return static_cast<int>(threadIdx.x) / kAcross; }
  static __device__ int fast() { return static_cast<int>(threadIdx.x) % kAcross * 4; }
  static __device__ bool any() { return kAll || threadIdx.x < kWidth * kDepth / 4; }

  __device__ void fetch(const Operand& from, std::uint32_t outer, std::uint32_t outers, std::uint32_t k,
                        std::uint32_t k_end) {
    if (!any()) return;
    const std::uint32_t row = (kAlong == Along::kOuter ? k : outer) + slow();
    const std::uint32_t rows = kAlong == Along::kOuter ? k_end : outers;
    const std::uint32_t column = (kAlong == Along::kOuter ? outer : k) + fast();
    const std::uint32_t columns = kAlong == Along::kOuter ? outers : k_end;
    const std::int32_t left = row < rows ? static_cast<std::int32_t>(columns - column) : 0;
    value = load4(from.data + row * from.pitch + column, left, from.aligned);
  }

  __device__ void store(Tile<kWidth>& tile) const {
    if (!any()) return;
    if constexpr (kAlong == Along::kOuter) {
      *reinterpret_cast<float4*>(&tile.at[slow()][fast()]) = value;
    } else {
      tile.at[fast()][slow()] = value.x;
      tile.at[fast() + 1][slow()] = value.y;
      tile.at[fast() + 2][slow()] = value.z;
      tile.at[fast() + 3][slow()] = value.w;
    }
  }
};

template <int kCount>
__device__ __forceinline__ void read(const float* from, float (&to)[kCount]) {
  if constexpr (kCount == 4) {
    const float4 four = *reinterpret_cast<const float4*>(from);
    to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
  } else {
    to[0] = *from;
  }
}

// max(0, x) that keeps a NaN.
__device__ __forceinline__ float relu(float x) {
  return x < 0.0f ? 0.0f : x;
}

// Columns [column, column + kCount) of a row of the result.
template <Finish kFinish, int kCount>
__device__ __forceinline__ void finish_row(const ProductArguments& args, std::size_t row, std::uint32_t column,
                                           float* shard, float (&value)[kCount]) {
  float* const to = shard + row * args.c.pitch + column;
  const bool together = kCount == 4 && args.c_aligned && column + 4 <= args.n;
  float old[kCount];
  if ((kFinish == Finish::kMask || kFinish == Finish::kAdd) && together) read(to, old);
#pragma unroll
  for (int j = 0; j < kCount; ++j) {
    if (column + j >= args.n) break;
    if constexpr (kFinish == Finish::kBias || kFinish == Finish::kBiasRelu) value[j] += __ldg(args.bias + column + j);
    if constexpr (kFinish == Finish::kBiasRelu) value[j] = relu(value[j]);
    if constexpr (kFinish == Finish::kMask) value[j] = (together ? old[j] : to[j]) > 0.0f ? value[j] : 0.0f;
    if constexpr (kFinish == Finish::kAdd) value[j] += together ? old[j] : to[j];
    if (!together) to[j] = value[j];
  }
  if constexpr (kCount == 4) {
    if (together) *reinterpret_cast<float4*>(to) = {value[0], value[1], value[2], value[3]};
  }
}

template <Along kA, Along kB, Finish kFinish, int kColumns>
__global__ void __launch_bounds__(kThreads, kBlocks) product(const __grid_constant__ ProductArguments args) {
  constexpr int kWidth = 16 * kColumns;
  __shared__ Tile<kHeight> a_tiles[2];
  __shared__ Tile<kWidth> b_tiles[2];
  const std::uint32_t first_row = blockIdx.x * kHeight, first_column = blockIdx.y * kWidth;
  const int y = static_cast<int>(threadIdx.x) / 16 * 4, x = static_cast<int>(threadIdx.x) % 16 * kColumns;

  std::uint32_t k = 0, k_end = args.k;
  if constexpr (kFinish == Finish::kShard) {
    const std::uint64_t pieces = (args.k + kShardRows - 1) / kShardRows;
    k = static_cast<std::uint32_t>(blockIdx.z * pieces / args.shards) * kShardRows;
    k_end = min(args.k, static_cast<std::uint32_t>((blockIdx.z + 1) * pieces / args.shards) * kShardRows);
  }
  // The first row of blocks also adds up the columns of b.
  const bool adds_columns = kFinish == Finish::kShard && blockIdx.x == 0 && y == 0;

  float sum[4][kColumns] = {}, column_sum[kColumns] = {};
  Part<kA, kHeight> a_part;
  Part<kB, kWidth> b_part;
  int now = 0;
  if (k < k_end) {
    a_part.fetch(args.a, first_row, args.m, k, k_end);
    b_part.fetch(args.b, first_column, args.n, k, k_end);
    a_part.store(a_tiles[0]);
    b_part.store(b_tiles[0]);
  }
  __syncthreads();
  while (k < k_end) {
    k += kDepth;
    if (k < k_end) {
      a_part.fetch(args.a, first_row, args.m, k, k_end);
      b_part.fetch(args.b, first_column, args.n, k, k_end);
    }
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      float a[4], b[kColumns];
      read(&a_tiles[now].at[d][y], a);
      read(&b_tiles[now].at[d][x], b);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < kColumns; ++j) sum[i][j] = __fmaf_rn(a[i], b[j], sum[i][j]);
      }
      if (adds_columns) {
#pragma unroll
        for (int j = 0; j < kColumns; ++j) column_sum[j] += b[j];
      }
    }
    now ^= 1;
    if (k < k_end) {
      a_part.store(a_tiles[now]);
      b_part.store(b_tiles[now]);
    }
    __syncthreads();
  }

  const std::uint32_t row = first_row + y, column = first_column + x;
  if constexpr (kFinish == Finish::kLoss) {
    float losses = 0;
    if (column == 0) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (row + i >= args.m) break;
        const Loss loss = loss_of(sum[i][0] + __ldg(args.bias), __ldg(args.loss.labels + row + i));
        losses += loss.value;
        args.c.data[row + i] = loss.slope * args.loss.scale;
      }
    }
    losses = block_sum<kThreads>(losses);
    if (threadIdx.x == 0) args.loss.losses[blockIdx.x] = losses;
  } else {
    float* const to =
        args.c.data + (kFinish == Finish::kShard ? blockIdx.z * (args.m + std::size_t{1}) * args.n : std::size_t{0});
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (row + i < args.m) finish_row<kFinish>(args, row + i, column, to, sum[i]);
    }
    if (adds_columns) finish_row<Finish::kPlain>(args, args.m, column, to, column_sum);
  }
}

std::uint32_t tiles(std::uint32_t n, std::uint32_t size) {
  return (n + size - 1) / size;
}

// Columns of a block's tile for a result n wide.
std::uint32_t tile_width(std::uint32_t n) {
  return n <= kNarrow ? 16 : 64;
}

template <Along kA, Along kB, Finish kFinish>
void launch(const ProductArguments& args, const char* what, cudaStream_t stream) {
  // No rows, as of the weights of a constant, still have a row of column sums.
  const dim3 grid(std::max(1u, tiles(args.m, kHeight)), tiles(args.n, tile_width(args.n)), args.shards);
  if (tile_width(args.n) == 16) {
    product<kA, kB, kFinish, 1><<<grid, kThreads, 0, stream>>>(args);
  } else if constexpr (kFinish != Finish::kLoss) {
    product<kA, kB, kFinish, 4><<<grid, kThreads, 0, stream>>>(args);
  }
  check(cudaGetLastError(), what);
}

}  // namespace

void launch_layer_forward(const DeviceLayer& layer, Rows input, Rows output, std::uint32_t rows, bool relu,
                          cudaStream_t stream) {
  ProductArguments args{
      {input.data, input.pitch}, {layer.weights, layer.outputs}, output, rows, layer.outputs, layer.inputs};
  args.bias = layer.bias;
  const auto run = relu ? &launch<Along::kInner, Along::kOuter, Finish::kBiasRelu>
                        : &launch<Along::kInner, Along::kOuter, Finish::kBias>;
  run(args, "launch a layer's forward pass", stream);
}

void launch_layer_loss(const DeviceLayer& layer, Rows input, Rows output, std::uint32_t rows, const LossTarget& target,
                       cudaStream_t stream) {
  ProductArguments args{{input.data, input.pitch}, {layer.weights, layer.outputs}, output, rows, 1, layer.inputs};
  args.bias = layer.bias;
  args.loss = target;
  launch<Along::kInner, Along::kOuter, Finish::kLoss>(args, "launch the loss", stream);
}

void launch_layer_backward_input(const DeviceLayer& layer, Rows output_gradient, Rows input_gradient,
                                 std::uint32_t rows, InputGradient mode, cudaStream_t stream) {
  const ProductArguments args{{output_gradient.data, output_gradient.pitch},
                              {layer.weights, layer.outputs},
                              input_gradient,
                              rows,
                              layer.inputs,
                              layer.outputs};
  const auto run = mode == InputGradient::kMask  ? &launch<Along::kInner, Along::kInner, Finish::kMask>
                   : mode == InputGradient::kAdd ? &launch<Along::kInner, Along::kInner, Finish::kAdd>
                                                 : &launch<Along::kInner, Along::kInner, Finish::kPlain>;
  run(args, "launch the gradient of a layer's input", stream);
}

std::uint32_t layer_shards(std::uint32_t inputs, std::uint32_t outputs) {
  constexpr std::uint32_t kBlocksWanted = 512, kMost = 128;
  const std::uint64_t blocks =
      std::uint64_t{std::max(1u, tiles(inputs, kHeight))} * tiles(outputs, tile_width(outputs));
  return std::clamp<std::uint32_t>(static_cast<std::uint32_t>(kBlocksWanted / blocks), 1, kMost);
}

void launch_layer_backward_weights(const DeviceLayer& layer, Rows output_gradient, Rows input, std::uint32_t rows,
                                   std::uint32_t shards, float* gradients, cudaStream_t stream) {
  ProductArguments args{{input.data, input.pitch},
                        {output_gradient.data, output_gradient.pitch},
                        {gradients, layer.outputs},
                        layer.inputs,
                        layer.outputs,
                        rows};
  args.shards = shards;
  launch<Along::kOuter, Along::kOuter, Finish::kShard>(args, "launch the gradient of a layer's weights", stream);
}

}  // namespace collide::cuda
