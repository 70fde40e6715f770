#include "cuda/clustering/kd_tree_levels.cuh"

#include <cub/device/device_scan.cuh>
#include <cuda/std/functional>
#include <utility>

#include "cuda/clustering/key_sort.cuh"
#include "cuda/clustering/threads.cuh"

namespace collide::cuda {

namespace {

constexpr unsigned kLanes = 8;           // threads that sum a chunk
constexpr std::uint64_t kChunk = 32768;  // ids: the block of cpu/clustering/weighted_moments.cc
constexpr const char* kWhat = "the kd-tree";
constexpr const char* kWork = "compute the kd-tree";

// Where the chunks of a part begin in a list of all parts' chunks: a part of m ids has no more than m / kChunk + 1.
__host__ __device__ std::uint64_t first_chunk(std::uint64_t start, std::uint64_t part) {
  return start / kChunk + part;
}

__global__ void __launch_bounds__(kThreads)
    fill_columns(const float* points, const double* masses, const std::uint32_t* order, std::size_t n, std::size_t dim,
                 KdColumns out, std::uint32_t* place_of) {
  const std::size_t place = global_thread();
  if (place >= n) return;
  const std::uint32_t id = order[place];
  for (std::size_t d = 0; d < dim; ++d) out.values[d * n + place] = points[id * dim + d];
  out.masses[place] = masses[id];
  out.ids[place] = id;
  place_of[id] = static_cast<std::uint32_t>(place);
}

// Ids become the places where they stand.
__global__ void __launch_bounds__(kThreads)
    name_places(std::uint32_t* list, std::size_t n, const std::uint32_t* place_of) {
  const std::size_t k = global_thread();
  if (k < n) list[k] = place_of[list[k]];
}

struct Chunk {
  std::uint64_t begin = 0, end = 0;
  std::uint32_t part = 0;
};

// The chunk of a number of first_chunk(); an empty one where there is none.
__device__ Chunk chunk_of(const KdPart* parts, std::uint64_t part_count, std::uint64_t n, std::uint64_t number) {
  // The part is the last that begins by then.
  std::uint64_t low = number > n / kChunk ? number - n / kChunk : 0;
  std::uint64_t high = number < part_count ? number + 1 : part_count;
  while (low + 1 < high) {
    const std::uint64_t middle = (low + high) / 2;
    (first_chunk(parts[middle].start, middle) <= number ? low : high) = middle;
  }
  if (low >= part_count) return {};
  const std::uint64_t end = parts[low + 1].start;
  const std::uint64_t begin = parts[low].start + (number - first_chunk(parts[low].start, low)) * kChunk;
  if (begin >= end) return {};
  return {begin, end - begin < kChunk ? end : begin + kChunk, static_cast<std::uint32_t>(low)};
}

// The sum of a part's chunks, in their order.
__device__ double sum_of_chunks(const double* sums, const KdPart* parts, std::uint64_t part) {
  const std::uint64_t first = first_chunk(parts[part].start, part);
  const std::uint64_t size = parts[part + 1].start - parts[part].start;
  double sum = 0;
  for (std::uint64_t j = 0; j * kChunk < size; ++j) sum += sums[first + j];
  return sum;
}

// Per axis (blockIdx.y) and chunk the weighted sum of the values or, when `sums` has these, of the squared distances to
// the part's mean. Eight threads a chunk, each one lane of the CPU's.
__global__ void __launch_bounds__(kThreads)
    sum_chunks(KdColumns columns, std::size_t n, const KdPart* parts, std::uint64_t part_count, std::uint64_t chunks,
               const double* sums, double* out) {
  const std::uint64_t number = global_thread() / kLanes;
  const unsigned lane = threadIdx.x % kLanes;
  const Chunk chunk = chunk_of(parts, part_count, n, number);
  const float* values = columns.values + blockIdx.y * n;
  double mean = 0;
  if (sums != nullptr && chunk.begin < chunk.end) {
    mean = sum_of_chunks(sums + blockIdx.y * chunks, parts, chunk.part) / static_cast<double>(parts[chunk.part].mass);
  }
  const auto term = [&](std::uint64_t i) {
    const double value = static_cast<double>(values[i]), mass = columns.masses[i];
    return sums == nullptr ? mass * value : mass * (value - mean) * (value - mean);
  };
  const std::uint64_t full = chunk.begin + (chunk.end - chunk.begin) / kLanes * kLanes;
  double sum = 0;
#pragma unroll 4
  for (std::uint64_t i = chunk.begin + lane; i < full; i += kLanes) sum += term(i);
  for (unsigned apart = kLanes / 2; apart > 0; apart /= 2) {
    sum += __shfl_down_sync(0xffffffff, sum, apart, kLanes);
  }
  if (lane != 0 || chunk.begin >= chunk.end) return;
  for (std::uint64_t i = full; i < chunk.end; ++i) sum += term(i);
  out[blockIdx.y * chunks + number] = sum;
}

// The axis of most variance, the first of equals.
__global__ void __launch_bounds__(kThreads)
    widest_axes(const double* squares, std::size_t dim, const KdPart* parts, std::uint64_t part_count,
                std::uint64_t chunks, std::uint32_t* axes) {
  const std::size_t part = global_thread();
  if (part >= part_count) return;
  std::uint32_t widest = 0;
  double most = -1;
  for (std::size_t axis = 0; axis < dim; ++axis) {
    const double variance = sum_of_chunks(squares + axis * chunks, parts, part);
    if (variance > most) most = variance, widest = static_cast<std::uint32_t>(axis);
  }
  axes[part] = widest;
}

__device__ std::uint32_t place_at(const KdColumns& columns, std::size_t n, std::size_t axis, std::size_t k) {
  return axis == 0 ? static_cast<std::uint32_t>(k) : columns.lists[(axis - 1) * n + k];
}

__global__ void __launch_bounds__(kThreads)
    masses_in_order(KdColumns columns, std::size_t n, const std::uint32_t* part_of, const std::uint32_t* axes,
                    std::int64_t* masses) {
  const std::size_t k = global_thread();
  if (k >= n) return;
  masses[k] = static_cast<std::int64_t>(columns.masses[place_at(columns, n, axes[part_of[k]], k)]);
}

// One thread a part: the halves go to halves[2 * part] and [2 * part + 1], which starts at the cut.
__global__ void __launch_bounds__(kThreads)
    cut_parts(const std::int64_t* running, const KdPart* parts, std::uint64_t part_count, KdPart* halves) {
  const std::size_t number = global_thread();
  if (number == part_count) halves[2 * number] = parts[number];
  if (number >= part_count) return;
  const KdPart part = parts[number], after = parts[number + 1];
  const std::uint32_t size = after.start - part.start, rows = after.first_row - part.first_row, half = rows / 2;
  const std::int64_t before = part.start == 0 ? 0 : running[part.start - 1];
  const double wanted = static_cast<double>(half) / rows * static_cast<double>(part.mass);
  // The least number of ids whose mass is enough, within what leaves each half an id per row.
  std::uint32_t enough = half, most = size - (rows - half);
  const auto mass_of = [&](std::uint32_t count) { return count == 0 ? 0 : running[part.start + count - 1] - before; };
  while (enough < most) {
    const std::uint32_t middle = enough + (most - enough) / 2;
    if (static_cast<double>(mass_of(middle)) >= wanted) {
      most = middle;
    } else {
      enough = middle + 1;
    }
  }
  const std::int64_t lower = mass_of(enough);
  halves[2 * number] = {part.start, part.first_row, lower};
  halves[2 * number + 1] = {part.start + enough, part.first_row + half, part.mass - lower};
}

__global__ void __launch_bounds__(kThreads)
    mark_low(KdColumns columns, std::size_t n, const std::uint32_t* part_of, const std::uint32_t* axes,
             const KdPart* halves, std::uint8_t* low) {
  const std::size_t k = global_thread();
  if (k >= n) return;
  const std::uint64_t part = part_of[k];
  low[place_at(columns, n, axes[part], k)] = k < halves[2 * part + 1].start;
}

// Where position k of an order goes in it: the halves keep the order. lows [n]: low positions before each.
__device__ std::uint32_t target_of(const std::uint32_t* lows, std::size_t k, bool is_low, const KdPart* halves,
                                   std::uint64_t part) {
  const std::uint32_t start = halves[2 * part].start, cut = halves[2 * part + 1].start;
  const auto position = static_cast<std::uint32_t>(k);
  const std::uint32_t lower = lows[k] - lows[start];
  return is_low ? start + lower : cut + (position - start - lower);
}

// targets [n]: where each place goes.
__global__ void __launch_bounds__(kThreads)
    move_columns(KdColumns from, std::size_t n, std::size_t dim, const std::uint32_t* part_of, const KdPart* halves,
                 const std::uint8_t* low, const std::uint32_t* lows, std::uint32_t* targets, KdColumns to) {
  const std::size_t k = global_thread();
  if (k >= n) return;
  const std::uint32_t place = target_of(lows, k, low[k] != 0, halves, part_of[k]);
  targets[k] = place;
  for (std::size_t d = 0; d < dim; ++d) to.values[d * n + place] = from.values[d * n + k];
  to.masses[place] = from.masses[k];
  to.ids[place] = from.ids[k];
}

// Lists (blockIdx.y) name the places to come. low [dim - 1, n]: whether these are in the lower half.
__global__ void __launch_bounds__(kThreads)
    rename_places(KdColumns columns, std::size_t n, const std::uint32_t* part_of, const KdPart* halves,
                  const std::uint32_t* targets, std::uint8_t* low) {
  const std::size_t k = global_thread();
  if (k >= n) return;
  const std::size_t at = blockIdx.y * n + k;
  const std::uint32_t place = targets[columns.lists[at]];
  columns.lists[at] = place;
  low[at] = place < halves[2 * std::uint64_t{part_of[k]} + 1].start;
}

// lows [dim - 1, n] runs on from list to list, and may wrap: only differences count.
__global__ void __launch_bounds__(kThreads)
    move_lists(KdColumns from, std::size_t n, const std::uint32_t* part_of, const KdPart* halves,
               const std::uint8_t* low, const std::uint32_t* lows, KdColumns to) {
  const std::size_t k = global_thread();
  if (k >= n) return;
  const std::size_t list = blockIdx.y * n;
  to.lists[list + target_of(lows + list, k, low[list + k] != 0, halves, part_of[k])] = from.lists[list + k];
}

__global__ void __launch_bounds__(kThreads) enter_halves(std::uint32_t* part_of, std::size_t n, const KdPart* halves) {
  const std::size_t k = global_thread();
  if (k >= n) return;
  const std::uint64_t upper = 2 * std::uint64_t{part_of[k]} + 1;
  part_of[k] = static_cast<std::uint32_t>(k < halves[upper].start ? upper - 1 : upper);
}

__global__ void __launch_bounds__(kThreads) assign_rows(const std::uint32_t* part_of, const std::uint32_t* ids,
                                                        std::size_t n, const KdPart* parts, std::uint32_t* rows) {
  const std::size_t k = global_thread();
  if (k < n) rows[ids[k]] = parts[part_of[k]].first_row;
}

}  // namespace

void KdTreeLevels::Buffers::reserve(std::size_t n, std::size_t dim) {
  values.reserve(n * dim, kWhat);
  masses.reserve(n, kWhat);
  ids.reserve(n, kWhat);
  lists.reserve(n * (dim - 1), kWhat);
}

KdTreeLevels::KdTreeLevels(const std::vector<float>& points, std::size_t dim, const std::vector<double>& masses,
                           std::uint32_t rows)
    : n_(masses.size()), dim_(dim), part_of_(n_, kWhat), running_(n_, kWhat) {
  now_.reserve(n_, dim_);
  sort_axes(points, masses);

  std::uint64_t most = 1;  // parts, in the end
  while (most < rows) most *= 2;
  parts_now_.reserve(most + 1, kWhat);
  parts_next_.reserve(most + 1, kWhat);
  part_of_.clear(n_, stream_, kWork);
  if (dim_ > 1) {
    next_.reserve(n_, dim_);
    axes_.reserve(most, kWhat);
    for (DeviceArray<double>* sums : {&sums_, &squares_}) sums->reserve(dim_ * (n_ / kChunk + most), kWhat);
    targets_.reserve(n_, kWhat);
    low_.reserve(n_ * (dim_ - 1), kWhat);
    lows_.reserve(n_ * (dim_ - 1), kWhat);
  } else {
    axes_.reserve(1, kWhat);
    axes_.clear(1, stream_, kWork);
    scan_masses();
  }
  double total = 0;  // exact
  for (const double mass : masses) total += mass;
  const KdPart all[2] = {{0, 0, static_cast<std::int64_t>(total)}, {static_cast<std::uint32_t>(n_), rows, 0}};
  parts_now_.upload(all, 2, stream_, kWork);
  stream_.wait(kWork);
}

void KdTreeLevels::sort_axes(const std::vector<float>& points, const std::vector<double>& masses) {
  const DeviceArray<float> rows(n_ * dim_, kWhat);
  const DeviceArray<double> mass(n_, kWhat);
  const DeviceArray<std::uint32_t> order(n_, kWhat), place_of(n_, kWhat);
  rows.upload(points.data(), n_ * dim_, stream_, "copy the teacher rows to the device");
  mass.upload(masses.data(), n_, stream_, "copy the masses to the device");
  KeySort sort(n_, stream_);
  sort.order(rows.data(), dim_, order.data());
  fill_columns<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(rows.data(), mass.data(), order.data(), n_, dim_,
                                                               now_.arrays(), place_of.data());
  for (std::size_t axis = 1; axis < dim_; ++axis) {
    std::uint32_t* list = now_.lists.data() + (axis - 1) * n_;
    sort.order(rows.data() + axis, dim_, list);
    name_places<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(list, n_, place_of.data());
  }
  check(cudaGetLastError(), "launch the sort of the kd-tree");
  stream_.wait(kWork);
}

void KdTreeLevels::choose_axes() {
  const std::uint64_t chunks = first_chunk(n_, parts_);
  const dim3 blocks(blocks_for(chunks * kLanes), static_cast<unsigned>(dim_));
  sum_chunks<<<blocks, kThreads, 0, stream_.get()>>>(now_.arrays(), n_, parts_now_.data(), parts_, chunks, nullptr,
                                                     sums_.data());
  sum_chunks<<<blocks, kThreads, 0, stream_.get()>>>(now_.arrays(), n_, parts_now_.data(), parts_, chunks, sums_.data(),
                                                     squares_.data());
  widest_axes<<<blocks_for(parts_), kThreads, 0, stream_.get()>>>(squares_.data(), dim_, parts_now_.data(), parts_,
                                                                  chunks, axes_.data());
}

void KdTreeLevels::scan_masses() {
  masses_in_order<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(now_.arrays(), n_, part_of_.data(), axes_.data(),
                                                                  running_.data());
  check(cudaGetLastError(), "launch a level of the kd-tree");
  scratch_.run("add masses of the kd-tree", [&](void* room, std::size_t& bytes) {
    return cub::DeviceScan::InclusiveSum(room, bytes, running_.data(), running_.data(), static_cast<std::uint32_t>(n_),
                                         stream_.get());
  });
}

void KdTreeLevels::count_low(std::size_t count) {
  check(cudaGetLastError(), "launch a level of the kd-tree");
  scratch_.run("count the lower ids of the kd-tree", [&](void* room, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveScan(room, bytes, low_.data(), lows_.data(), ::cuda::std::plus<>{},
                                          std::uint32_t{0}, count, stream_.get());
  });
}

void KdTreeLevels::move() {
  const unsigned blocks = blocks_for(n_);
  const dim3 lists(blocks, static_cast<unsigned>(dim_ - 1));
  const cudaStream_t stream = stream_.get();
  const KdPart* halves = parts_next_.data();
  mark_low<<<blocks, kThreads, 0, stream>>>(now_.arrays(), n_, part_of_.data(), axes_.data(), halves, low_.data());
  count_low(n_);
  move_columns<<<blocks, kThreads, 0, stream>>>(now_.arrays(), n_, dim_, part_of_.data(), halves, low_.data(),
                                                lows_.data(), targets_.data(), next_.arrays());
  rename_places<<<lists, kThreads, 0, stream>>>(now_.arrays(), n_, part_of_.data(), halves, targets_.data(),
                                                low_.data());
  count_low(n_ * (dim_ - 1));
  move_lists<<<lists, kThreads, 0, stream>>>(now_.arrays(), n_, part_of_.data(), halves, low_.data(), lows_.data(),
                                             next_.arrays());
  std::swap(now_, next_);
}

void KdTreeLevels::split() {
  if (dim_ > 1) {
    choose_axes();
    scan_masses();
  }
  cut_parts<<<blocks_for(parts_ + 1), kThreads, 0, stream_.get()>>>(running_.data(), parts_now_.data(), parts_,
                                                                    parts_next_.data());
  if (dim_ > 1) move();
  enter_halves<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(part_of_.data(), n_, parts_next_.data());
  check(cudaGetLastError(), "launch a level of the kd-tree");
  std::swap(parts_now_, parts_next_);
  parts_ *= 2;
  stream_.wait(kWork);
}

std::vector<std::uint32_t> KdTreeLevels::rows() const {
  const DeviceArray<std::uint32_t> assigned(n_, kWhat);
  assign_rows<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(part_of_.data(), now_.ids.data(), n_, parts_now_.data(),
                                                              assigned.data());
  check(cudaGetLastError(), "launch the rows of the kd-tree");
  std::vector<std::uint32_t> assignment(n_);
  assigned.download(assignment.data(), n_, stream_, "copy the kd-tree's rows from the device");
  stream_.wait(kWork);
  return assignment;
}

}  // namespace collide::cuda
