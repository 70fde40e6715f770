#include "cuda/embedding/backward.cuh"

#include <algorithm>
#include <cub/block/block_scan.cuh>
#include <cub/device/device_radix_sort.cuh>
#include <variant>

#include "cuda/embedding/row_step.cuh"

namespace collide::cuda {

namespace {

constexpr int kTermsAtOnce = 3;                              // gradients of a row in flight per lane; with 4 it spills
constexpr std::uint32_t kPieceLanes = 8;                     // threads of a block that sum an entry
constexpr std::uint32_t kRuns = kGradientPiece / kFloatRun;  // of a piece
constexpr const char* kSorting = "sort gradients by row";
constexpr std::uint32_t kMostListBlocks = 1024;  // what is listed is shared by so many at most
static_assert(kFloatRun == 64 && kEntriesPerBlock == kBlockThreads);

__global__ void __launch_bounds__(kBlockThreads) expand(const __grid_constant__ ExpandArguments args) {
  const std::uint64_t entry = std::uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x;
  if (entry >= args.entries) return;
  const auto e = static_cast<std::uint32_t>(entry);
  const std::uint32_t s = last_start(args.first_entry, args.source_count, e);
  const GradientSource source = args.sources[s];
  const std::uint32_t nth = e - load(args.first_entry + s), position = source.first_id + nth;
  const std::uint32_t* offsets = args.offsets + source.first_bag;
  const std::uint32_t bag = last_start(offsets, static_cast<std::uint32_t>(source.bags), position);
  const std::uint32_t begin = load(offsets + bag);
  const std::uint64_t at =
      source.base + (source.per_id ? std::uint64_t{nth} * source.position
                                   : bag * source.stride + std::uint64_t{position - begin} * source.position);
  const std::uint32_t ids[1] = {load(args.ids + position)};
  std::uint32_t rows[1];
  rows_of_ids(args.tables[source.hash].hash, ids, rows);
  args.keys[entry] = rows[0] == kPruned ? source.pruned_key : source.first_key + rows[0];
  if (args.terms == nullptr) {
    args.values[entry] = static_cast<std::uint32_t>(at);
    return;
  }
  float coefficient = 1;
  if (!source.per_id) {
    const float share = source.mean ? 1.0f / static_cast<float>(load(offsets + bag + 1) - begin) : 1.0f;
    coefficient = args.weights == nullptr ? share : load(args.weights + position) * share;
  }
  args.values[entry] = e;
  args.terms[entry] = {static_cast<std::uint32_t>(at), __float_as_uint(coefficient)};
}

// The gradients of kTerms sorted entries from `first` on: all reads are issued before the first product.
template <int kPack, int kTerms>
__device__ void read_terms(const StepArguments& args, const SteppedTable& table, std::uint32_t first,
                           std::uint32_t column, Pack<kPack> (&terms)[kTerms]) {
  float coefficients[kTerms];
  for (int k = 0; k < kTerms; ++k) {
    std::uint32_t at = load(args.values + first + k);
    if (args.terms != nullptr) {
      const uint2 term = load(args.terms + at);
      at = term.x;
      coefficients[k] = __uint_as_float(term.y);
    }
    const float* gradient = table.gradient + at + column;
    if (table.aligned_gradient) {
      terms[k] = load_pack<kPack>(gradient);
    } else {
      for (int j = 0; j < kPack; ++j) terms[k].values[j] = load(gradient + j);
    }
  }
  if (args.terms == nullptr) return;
  for (int k = 0; k < kTerms; ++k) {
    for (int j = 0; j < kPack; ++j) terms[k].values[j] *= coefficients[k];
  }
}

// The sum of at least one and at most kFloatRun sorted entries, from `first` on, in float32.
template <int kPack>
__device__ Pack<kPack> sum_run(const StepArguments& args, const SteppedTable& table, std::uint32_t first,
                               std::uint32_t count, std::uint32_t column) {
  Pack<kPack> sum[1];  // begins with the first term: 0 + term would lose the sign of -0
  read_terms<kPack, 1>(args, table, first, column, sum);
  std::uint32_t i = 1;
#pragma unroll 1  // as many reads in flight as there are registers for
  for (; count - i >= kTermsAtOnce; i += kTermsAtOnce) {
    Pack<kPack> terms[kTermsAtOnce];
    read_terms<kPack, kTermsAtOnce>(args, table, first + i, column, terms);
    for (const Pack<kPack>& term : terms) {
      for (int j = 0; j < kPack; ++j) sum[0].values[j] += term.values[j];
    }
  }
#pragma unroll 1
  for (; i < count; ++i) {
    Pack<kPack> term[1];
    read_terms<kPack, 1>(args, table, first + i, column, term);
    for (int j = 0; j < kPack; ++j) sum[0].values[j] += term[0].values[j];
  }
  return sum[0];
}

// Where the run ends to which sorted entry `end` - 1 belongs; `stop` is the end of the table's entries.
__device__ std::uint32_t end_of_run(const std::uint32_t* keys, std::uint32_t end, std::uint32_t stop) {
  const std::uint32_t key = load(keys + end - 1);
  std::uint32_t step = 1;
  for (; step <= stop - end && load(keys + end + step - 1) == key; step *= 2) end += step;
  for (; step > 0; step /= 2) {
    if (step <= stop - end && load(keys + end + step - 1) == key) end += step;
  }
  return end;
}

__device__ void list_long_run(const StepArguments& args, std::uint32_t table, std::uint32_t row, std::uint32_t first,
                              std::uint32_t count) {
  const std::uint32_t width = args.tables[table].width;
  const auto pieces = static_cast<std::uint32_t>((count + kGradientPiece - 1) / kGradientPiece);
  const std::uint64_t sums = atomicAdd(&args.listed->floats, static_cast<unsigned long long>(pieces) * width);
  args.runs[atomicAdd(&args.listed->runs, 1u)] = {sums, table, row, pieces};
  const std::uint32_t at = atomicAdd(&args.listed->pieces, pieces);
  for (std::uint32_t p = 0; p < pieces; ++p) {
    const auto done = static_cast<std::uint32_t>(p * kGradientPiece);
    args.pieces[at + p] = {sums + std::uint64_t{p} * width, table, first + done,
                           min(count - done, static_cast<std::uint32_t>(kGradientPiece))};
  }
}

// The runs that begin at starts[0, runs), the last of which ends at starts[runs]: a group of lanes to each row.
template <int kPack, typename Kind>
__device__ void step_block(const StepArguments& args, const RowStep<Kind>& step, std::uint32_t t,
                           const std::uint32_t* starts, std::uint32_t runs, float* sums) {
  const SteppedTable& table = args.tables[t];
  const Group group(lanes_of_row(table.width, kPack));
  const std::uint32_t first = threadIdx.x / group.lanes, groups = rows_at_once(table.width, group.lanes);
  if (first >= groups) return;
  float* gradient = sums + first * table.width;
  for (std::uint32_t run = first; run < runs; run += groups) {
    const std::uint32_t begin = starts[run], count = starts[run + 1] - begin;
    const std::uint32_t row = load(args.keys + begin) - table.first_key;
    if (row == table.pruned_key - table.first_key) return;  // the last of the table
    if (count > kFloatRun) {
      if (group.lane == 0) list_long_run(args, t, row, begin, count);
      continue;
    }
    group.sync();  // the last row's gradient is no longer read
#pragma unroll 1
    for (std::uint32_t column = group.lane * kPack; column < table.width; column += group.lanes * kPack) {
      store_pack<kPack>(gradient + column, sum_run<kPack>(args, table, begin, count, column), true);
    }
    group.sync();
    step_row<kPack>(group, step, table, row, gradient);
  }
}

// Whether a loss forbids the step. The whole grid agrees.
__device__ bool refused(const float* loss) {
  return loss != nullptr && !isfinite(load(loss));
}

// A block takes the runs that begin in its kEntriesPerBlock sorted entries.
template <typename Kind>
__global__ void __launch_bounds__(kBlockThreads, 4)
    step_runs(const __grid_constant__ StepArguments args, const __grid_constant__ RowStep<Kind> step) {
  using Scan = cub::BlockScan<std::uint32_t, kBlockThreads>;
  extern __shared__ __align__(16) float sums[];
  __shared__ typename Scan::TempStorage room;
  __shared__ std::uint32_t starts[kEntriesPerBlock + 1];
  if (refused(args.loss)) return;
  const std::uint32_t t = last_start(args.first_block, args.table_count, blockIdx.x);
  const SteppedTable& table = args.tables[t];
  const std::uint32_t stop_of_table = table.first_entry + table.entries;
  const std::uint32_t begin = table.first_entry + (blockIdx.x - load(args.first_block + t)) * kEntriesPerBlock;
  const std::uint32_t here = min(stop_of_table - begin, kEntriesPerBlock), stop = begin + here;
  const std::uint32_t i = begin + threadIdx.x;  // past the table's end it may wrap
  const bool starts_run =
      threadIdx.x < here && (i == table.first_entry || load(args.keys + i) != load(args.keys + i - 1));
  std::uint32_t place, runs;
  Scan(room).ExclusiveSum(starts_run ? 1u : 0u, place, runs);
  if (starts_run) starts[place] = i;
  if (threadIdx.x == 0) starts[runs] = end_of_run(args.keys, stop, stop_of_table);
  __syncthreads();
  if (table.pack == 4) {
    step_block<4>(args, step, t, starts, runs, sums);
  } else if (table.pack == 2) {
    step_block<2>(args, step, t, starts, runs, sums);
  } else {
    step_block<1>(args, step, t, starts, runs, sums);
  }
}

// kPieceLanes * kPack columns of a piece: its runs of kFloatRun entries side by side, then their sums in order.
template <int kPack>
__device__ void sum_piece(const StepArguments& args, const Piece& piece, float* parts) {
  const SteppedTable& table = args.tables[piece.table];
  constexpr std::uint32_t kColumns = kPieceLanes * kPack;
  const std::uint32_t first_column = blockIdx.y * kColumns, lane = threadIdx.x % kPieceLanes;
  if (first_column >= table.width) return;
  const std::uint32_t column = first_column + lane * kPack;
  const std::uint32_t runs = (piece.count + kFloatRun - 1) / kFloatRun;
  for (std::uint32_t run = threadIdx.x / kPieceLanes; run < runs; run += kBlockThreads / kPieceLanes) {
    if (column >= table.width) break;
    const auto done = static_cast<std::uint32_t>(run * kFloatRun);
    const std::uint32_t count = min(piece.count - done, static_cast<std::uint32_t>(kFloatRun));
    store_pack<kPack>(parts + run * kColumns + lane * kPack,
                      sum_run<kPack>(args, table, piece.first + done, count, column), true);
  }
  __syncthreads();
  if (threadIdx.x < kColumns && first_column + threadIdx.x < table.width) {
    double sum = 0;
    for (std::uint32_t run = 0; run < runs; ++run) sum += parts[run * kColumns + threadIdx.x];
    args.sums[piece.sums + first_column + threadIdx.x] = sum;
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kBlockThreads, 4) sum_pieces(const __grid_constant__ StepArguments args) {
  __shared__ __align__(16) float parts[kRuns * kPieceLanes * 4];
  for (std::uint32_t p = blockIdx.x; p < args.listed->pieces; p += gridDim.x) {
    const Piece piece = args.pieces[p];
    const std::uint32_t pack = args.tables[piece.table].pack;
    if (pack == 4) {
      sum_piece<4>(args, piece, parts);
    } else if (pack == 2) {
      sum_piece<2>(args, piece, parts);
    } else {
      sum_piece<1>(args, piece, parts);
    }
  }
}

// A warp to each long run.
template <typename Kind>
__global__ void __launch_bounds__(kBlockThreads, 4)
    step_long_runs(const __grid_constant__ StepArguments args, const __grid_constant__ RowStep<Kind> step,
                   std::uint32_t warps, std::uint32_t stride) {
  extern __shared__ __align__(16) float sums[];
  const std::uint32_t warp = threadIdx.x / 32;
  if (warp >= warps) return;
  const Group group(32);
  float* gradient = sums + warp * stride;
  for (std::uint32_t r = blockIdx.x * warps + warp; r < args.listed->runs; r += gridDim.x * warps) {
    const LongRun run = args.runs[r];
    const SteppedTable& table = args.tables[run.table];
    group.sync();
    for (std::uint32_t column = group.lane; column < table.width; column += 32) {
      double sum = 0;
      for (std::uint32_t p = 0; p < run.pieces; ++p) {
        sum += load(args.sums + run.sums + std::uint64_t{p} * table.width + column);
      }
      gradient[column] = static_cast<float>(sum);
    }
    group.sync();
    if (table.pack == 4) {
      step_row<4>(group, step, table, run.row, gradient);
    } else if (table.pack == 2) {
      step_row<2>(group, step, table, run.row, gradient);
    } else {
      step_row<1>(group, step, table, run.row, gradient);
    }
  }
}

template <typename Kind>
void launch_steps_of(const StepArguments& args, const RowStep<Kind>& step, const BackwardPlan& plan,
                     cudaStream_t stream) {
  std::uint32_t floats = 1;
  for (const SteppedTable& table : plan.tables) {
    floats = std::max(floats, table.width * rows_at_once(table.width, lanes_of_row(table.width, table.pack)));
  }
  step_runs<Kind><<<plan.first_block.back(), kBlockThreads, floats * sizeof(float), stream>>>(args, step);
  check(cudaGetLastError(), "launch the step of the rows");
  if (plan.long_runs == 0) return;
  // Two kernels of their own for the long runs, whose number the device knows.
  const auto blocks = static_cast<unsigned>(std::min<std::uint64_t>(plan.long_runs, kMostListBlocks));
  sum_pieces<<<dim3(blocks, (plan.widest + kPieceLanes - 1) / kPieceLanes), kBlockThreads, 0, stream>>>(args);
  check(cudaGetLastError(), "launch the sums of long runs");
  const std::uint32_t stride = (plan.widest + 3) / 4 * 4, warps = rows_at_once(stride, 32);
  step_long_runs<Kind><<<(blocks + warps - 1) / warps, kBlockThreads, warps * stride * sizeof(float), stream>>>(
      args, step, warps, stride);
  check(cudaGetLastError(), "launch the step of long runs");
}

}  // namespace

void launch_expand(const ExpandArguments& args, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((args.entries + kBlockThreads - 1) / kBlockThreads);
  expand<<<blocks, kBlockThreads, 0, stream>>>(args);
  check(cudaGetLastError(), "launch the expansion of the gradient");
}

void sort_entries(Scratch& scratch, const std::uint32_t* keys, std::uint32_t* sorted_keys, const std::uint32_t* values,
                  std::uint32_t* sorted_values, std::uint64_t count, int bits, cudaStream_t stream) {
  scratch.run(kSorting, [&](void* room, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(room, bytes, keys, sorted_keys, values, sorted_values, count, 0, bits,
                                           stream);
  });
}

void reserve_sort(Scratch& scratch, std::uint64_t count, int bits) {
  const std::uint32_t* const from = nullptr;
  std::uint32_t* const to = nullptr;
  scratch.reserve(kSorting, [&](void* room, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(room, bytes, from, to, from, to, count, 0, bits);
  });
}

void launch_steps(const StepArguments& args, const OptimizerStep& step, const BackwardPlan& plan, cudaStream_t stream) {
  std::visit([&](const auto& of_kind) { launch_steps_of(args, of_kind, plan, stream); }, step);
}

}  // namespace collide::cuda
