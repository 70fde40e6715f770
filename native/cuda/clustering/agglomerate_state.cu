#include "cuda/clustering/agglomerate_state.cuh"

#include <cmath>
#include <cub/block/block_reduce.cuh>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>
#include <utility>

#include "cuda/clustering/ordered_bits.cuh"
#include "cuda/clustering/threads.cuh"

namespace collide::cuda {

namespace {

__global__ void __launch_bounds__(kThreads)
    value_keys(const double* values, std::size_t n, std::uint64_t* keys, std::uint32_t* ids) {
  const std::size_t i = global_thread();
  if (i >= n) return;
  keys[i] = ordered_bits(values[i]);
  ids[i] = static_cast<std::uint32_t>(i);
}

__global__ void __launch_bounds__(kThreads) first_clusters(const std::uint64_t* keys, const std::uint32_t* ids,
                                                           const double* counts, std::size_t n, ClusterArrays out) {
  const std::size_t i = global_thread();
  if (i >= n) return;
  out.values[i] = from_ordered_bits(keys[i]);
  out.counts[i] = counts[ids[i]];
  out.sizes[i] = 1;
}

// Scores are >= 0, so that their bits are in their order.
__global__ void __launch_bounds__(kThreads) score_pairs(ClusterArrays clusters, FilterBy by, double norm,
                                                        const std::uint32_t* list, std::size_t n, std::uint64_t* keys) {
  const std::size_t i = global_thread();
  if (i >= n) return;
  const std::uint32_t left = list[i];
  double score = 0;
  if (by == FilterBy::kFrequency) {
    if (norm != 0) {
      const double a = clusters.counts[left] / norm, b = clusters.counts[left + 1] / norm;
      score = (a + b) + a * b;
    }
  } else if (by == FilterBy::kDistance) {
    score = clusters.values[left + 1] - clusters.values[left];
  } else {
    score = static_cast<double>(clusters.sizes[left]) + static_cast<double>(clusters.sizes[left + 1]);
  }
  keys[i] = static_cast<std::uint64_t>(__double_as_longlong(score));
}

__global__ void __launch_bounds__(kThreads) count_up(std::uint32_t* list, std::size_t n) {
  const std::size_t i = global_thread();
  if (i < n) list[i] = static_cast<std::uint32_t>(i);
}

// Which pairs of the list stay: those up to a threshold of scores, or of created sizes.
__global__ void __launch_bounds__(kThreads)
    flag_smallest(const std::uint64_t* keys, const std::uint32_t* list, std::size_t n, const PairThreshold* threshold,
                  std::uint32_t* flags) {
  const std::size_t i = global_thread();
  if (i < n) flags[i] = threshold->holds(keys[i], list[i]);
}

__global__ void __launch_bounds__(kThreads) flag_fitting(const std::uint32_t* sizes, const std::uint32_t* list,
                                                         std::size_t n, std::uint64_t most, std::uint32_t* flags) {
  const std::size_t i = global_thread();
  if (i < n) flags[i] = std::uint64_t{sizes[list[i]]} + sizes[list[i] + 1] <= most;
}

__global__ void __launch_bounds__(kThreads)
    keep_flagged(const std::uint32_t* list, const std::uint32_t* flags, const std::uint32_t* positions, std::size_t n,
                 std::uint32_t* out, std::uint32_t* selected) {
  const std::size_t i = global_thread();
  if (i >= n) return;
  if (flags[i] != 0) out[positions[i]] = list[i];
  if (i == n - 1) *selected = positions[i] + flags[i];
}

__global__ void __launch_bounds__(kThreads) mark(const std::uint32_t* list, std::size_t n, std::uint8_t* chosen) {
  const std::size_t i = global_thread();
  if (i < n) chosen[list[i]] = 1;
}

// heads: 1 where a cluster of the next round begins. Who begins a chain answers for all of it; a chain of more than
// max_size ids becomes pairs from the left.
__global__ void __launch_bounds__(kThreads)
    cut_chains(const std::uint8_t* chosen, const std::uint32_t* sizes, std::size_t n, std::uint64_t max_size,
               std::uint32_t* heads, std::uint32_t* split) {
  const std::size_t first = global_thread();
  if (first >= n || (first > 0 && chosen[first - 1] != 0)) return;
  std::size_t last = first;
  std::uint64_t ids = sizes[first];
  while (chosen[last] != 0) ids += sizes[++last];
  const bool cuts = last > first && max_size > 0 && ids > max_size;
  if (cuts) atomicOr(split, 1u);
  for (std::size_t i = first; i <= last; ++i) heads[i] = i == first || (cuts && (i - first) % 2 == 0);
}

__global__ void __launch_bounds__(kThreads)
    merge_chains(ClusterArrays from, const std::uint32_t* heads, const std::uint32_t* positions, std::size_t n,
                 bool count_weighted, ClusterArrays to) {
  const std::size_t first = global_thread();
  if (first >= n || heads[first] == 0) return;
  double total = 0, weighted = 0, plain = 0;
  std::uint32_t size = 0;
  std::size_t i = first;
  do {
    const double count = from.counts[i], value = from.values[i];
    total += count;
    weighted += count * value;
    plain += value;
    size += from.sizes[i];
    ++i;
  } while (i < n && heads[i] == 0);
  const double least = from.values[first], most = from.values[i - 1];
  double value = least;
  if (i - first > 1) {
    const double mean = count_weighted && total > 0 ? weighted / total : plain / static_cast<double>(i - first);
    value = !(mean > least) ? least : (mean < most ? mean : most);
  }
  const std::uint32_t position = positions[first];
  to.values[position] = value;
  to.counts[position] = total;
  to.sizes[position] = size;
}

// Integers: the order of the additions does not matter.
__global__ void __launch_bounds__(kThreads) sum_squares(const double* counts, std::size_t n, std::uint64_t* sums) {
  using Reduce = cub::BlockReduce<std::uint64_t, kThreads>;
  __shared__ typename Reduce::TempStorage room[3];
  const std::size_t i = global_thread();
  const std::uint64_t count = i < n ? static_cast<std::uint64_t>(counts[i]) : 0;
  const std::uint64_t low = count * count, high = __umul64hi(count, count);
  const std::uint64_t parts[3] = {low & 0xffffffff, low >> 32, high};
  for (int k = 0; k < 3; ++k) {
    const std::uint64_t sum = Reduce(room[k]).Sum(parts[k]);
    if (threadIdx.x == 0) atomicAdd(reinterpret_cast<unsigned long long*>(sums + k), sum);
  }
}

}  // namespace

AgglomerateState::AgglomerateState(const std::vector<double>& values, const std::vector<double>& counts)
    : count_(values.size()), clusters_(values.size()), told_(1, "the result of a round") {
  const std::size_t n = values.size();
  const char* what = "a clustering";
  ids_.reserve(n, what);
  for (Buffers* buffers : {&now_, &next_}) {
    buffers->values.reserve(n, what);
    buffers->counts.reserve(n, what);
    buffers->sizes.reserve(n, what);
  }
  keys_.reserve(n, what);
  for (DeviceArray<std::uint32_t>* list : {&list_, &spare_, &heads_, &positions_}) list->reserve(n, what);
  chosen_.reserve(n, what);

  const DeviceArray<std::uint64_t> sorted_keys(n, what);
  const char* copying = "copy the ids to cluster to the device";
  next_.values.upload(values.data(), n, stream_, copying);
  next_.counts.upload(counts.data(), n, stream_, copying);
  value_keys<<<blocks_for(n), kThreads, 0, stream_.get()>>>(next_.values.data(), n, keys_.data(), list_.data());
  check(cudaGetLastError(), "launch the sort by value");
  scratch_.run("sort by value", [&](void* room, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(room, bytes, keys_.data(), sorted_keys.data(), list_.data(), ids_.data(), n,
                                           0, 64, stream_.get());
  });
  first_clusters<<<blocks_for(n), kThreads, 0, stream_.get()>>>(sorted_keys.data(), ids_.data(), next_.counts.data(), n,
                                                                now_.arrays());
  check(cudaGetLastError(), "launch the sort by value");
  add_squares();
  stream_.wait("sort by value");  // the sorted keys go
}

std::vector<std::uint32_t> AgglomerateState::sorted_ids() const {
  std::vector<std::uint32_t> ids(count_);
  ids_.download(ids.data(), ids.size(), stream_, "copy the clusters from the device");
  stream_.wait("copy the clusters from the device");
  return ids;
}

void AgglomerateState::take(Clustering& out) const {
  out.values.resize(clusters_), out.counts.resize(clusters_), out.sizes.resize(clusters_);
  const char* copying = "copy the clusters from the device";
  now_.values.download(out.values.data(), clusters_, stream_, copying);
  now_.counts.download(out.counts.data(), clusters_, stream_, copying);
  now_.sizes.download(out.sizes.data(), clusters_, stream_, copying);
  stream_.wait(copying);
}

AgglomerateState::Told AgglomerateState::told() {
  Told result;
  told_.download(&result, 1, stream_, "run a round of the clustering");
  stream_.wait("run a round of the clustering");
  return result;
}

// Clears what a round tells, and adds the squared counts to it.
void AgglomerateState::add_squares() {
  check(cudaMemsetAsync(told_.data(), 0, sizeof(Told), stream_.get()), "run a round of the clustering");
  sum_squares<<<blocks_for(clusters_), kThreads, 0, stream_.get()>>>(now_.counts.data(), clusters_,
                                                                     told_.data()->squares);
  check(cudaGetLastError(), "launch the sum of squares");
}

void AgglomerateState::begin_round() {
  all_ = true;
  const Told sums = told();
  unsigned __int128 squares = sums.squares[2];
  squares = (squares << 64) + (static_cast<unsigned __int128>(sums.squares[1]) << 32) + sums.squares[0];
  norm_ = std::sqrt(static_cast<double>(squares));
}

void AgglomerateState::list_all() {
  listed_ = clusters_ - 1;
  count_up<<<blocks_for(listed_), kThreads, 0, stream_.get()>>>(list_.data(), listed_);
  check(cudaGetLastError(), "list the pairs");
}

// Leaves in the list the pairs that heads_ flags, in their order.
void AgglomerateState::select() {
  check(cudaGetLastError(), "launch the choice of pairs");
  scratch_.run("number the pairs", [&](void* room, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(room, bytes, heads_.data(), positions_.data(), listed_, stream_.get());
  });
  keep_flagged<<<blocks_for(listed_), kThreads, 0, stream_.get()>>>(list_.data(), heads_.data(), positions_.data(),
                                                                    listed_, spare_.data(), &told_.data()->selected);
  check(cudaGetLastError(), "launch the choice of pairs");
  std::swap(list_, spare_);
}

void AgglomerateState::keep_smallest(FilterBy by, std::size_t m) {
  if (m >= candidates()) return;
  if (all_) list_all();
  all_ = false;
  score_pairs<<<blocks_for(listed_), kThreads, 0, stream_.get()>>>(now_.arrays(), by, norm_, list_.data(), listed_,
                                                                   keys_.data());
  check(cudaGetLastError(), "launch the scores");
  search_.run(keys_.data(), list_.data(), listed_, static_cast<std::uint32_t>(m), stream_);
  flag_smallest<<<blocks_for(listed_), kThreads, 0, stream_.get()>>>(keys_.data(), list_.data(), listed_,
                                                                     search_.threshold(), heads_.data());
  select();
  listed_ = m;
}

bool AgglomerateState::drop_larger(std::uint64_t max_size) {
  if (max_size == 0) return true;
  if (all_) list_all();
  flag_fitting<<<blocks_for(listed_), kThreads, 0, stream_.get()>>>(now_.sizes.data(), list_.data(), listed_, max_size,
                                                                    heads_.data());
  select();
  const std::size_t selected = told().selected;
  if (selected == 0) {
    std::swap(list_, spare_);  // back again
    return false;
  }
  listed_ = selected;
  all_ = false;
  return true;
}

bool AgglomerateState::merge(std::uint64_t max_size, bool count_weighted) {
  const std::size_t n = clusters_;
  check(cudaMemsetAsync(chosen_.data(), 0, n, stream_.get()), "mark the pairs to merge");
  if (all_) list_all();
  mark<<<blocks_for(listed_), kThreads, 0, stream_.get()>>>(list_.data(), listed_, chosen_.data());
  cut_chains<<<blocks_for(n), kThreads, 0, stream_.get()>>>(chosen_.data(), now_.sizes.data(), n, max_size,
                                                            heads_.data(), &told_.data()->split);
  check(cudaGetLastError(), "launch the chains");
  scratch_.run("number the clusters", [&](void* room, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(room, bytes, heads_.data(), positions_.data(), n, stream_.get());
  });
  merge_chains<<<blocks_for(n), kThreads, 0, stream_.get()>>>(now_.arrays(), heads_.data(), positions_.data(), n,
                                                              count_weighted, next_.arrays());
  check(cudaGetLastError(), "launch the merge");
  std::uint32_t last_head = 0, last_position = 0;
  check(cudaMemcpyAsync(&last_head, heads_.data() + n - 1, 4, cudaMemcpyDeviceToHost, stream_.get()), "merge clusters");
  check(cudaMemcpyAsync(&last_position, positions_.data() + n - 1, 4, cudaMemcpyDeviceToHost, stream_.get()),
        "merge clusters");
  const bool split = told().split != 0;
  clusters_ = last_position + last_head;
  std::swap(now_, next_);
  add_squares();
  return split;
}

}  // namespace collide::cuda
