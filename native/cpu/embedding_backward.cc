#include "cpu/embedding_backward.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "cpu/multiversion.h"

namespace collide {

namespace {

constexpr std::size_t kWindow = 1024;  // ids translated at once
constexpr unsigned kDigitBits = 11;    // 2,048 counters: they stay in the first-level cache
constexpr std::size_t kExactRun = 64;  // float32 partial sums are added up in float64 after this many gradients
constexpr std::size_t kPrefetch = 12;  // entries a prefetch is ahead of its use
constexpr std::size_t kColumnBlock = 64;

// Stable least-significant-digit radix sort by row; returns the half of the scratch that holds the result.
SortEntry* sort_by_row(SortEntry* entries, SortEntry* spare, std::size_t n, std::uint64_t rows) {
  const unsigned bits = rows > 1 ? std::bit_width(rows - 1) : 0;
  const unsigned passes = (bits + kDigitBits - 1) / kDigitBits;
  const unsigned digit = passes > 0 ? (bits + passes - 1) / passes : 0;
  const std::uint32_t mask = (1u << digit) - 1;
  std::uint32_t starts[1u << kDigitBits];
  for (unsigned pass = 0; pass < passes; ++pass) {
    const unsigned shift = pass * digit;
    std::fill_n(starts, mask + 1, 0u);
    for (std::size_t i = 0; i < n; ++i) ++starts[entries[i].row >> shift & mask];
    std::uint32_t start = 0;
    for (std::uint32_t value = 0; value <= mask; ++value) start += std::exchange(starts[value], start);
    for (std::size_t i = 0; i < n; ++i) spare[starts[entries[i].row >> shift & mask]++] = entries[i];
    std::swap(entries, spare);
  }
  return entries;
}

SortEntry* sorted_entries(const GradientTask& task) {
  std::uint32_t rows[kWindow];
  for (std::size_t window = 0; window < task.n; window += kWindow) {
    const std::size_t count = std::min(kWindow, task.n - window);
    task.hash->rows_of(task.ids + window, count, rows);
    for (std::size_t i = 0; i < count; ++i) {
      const auto position = static_cast<std::uint32_t>(window + i);
      task.scratch[position] = {rows[i], task.coefficients != nullptr ? position : task.slots[position]};
    }
  }
  return sort_by_row(task.scratch, task.scratch + task.n, task.n, task.table->rows);
}

COLLIDE_INLINE const float* gradient_of(const GradientTask& task, std::uint32_t slot) {
  if (task.sequence_length == 1) return task.gradient + slot * task.stride;
  return task.gradient + slot / task.sequence_length * task.stride + slot % task.sequence_length * task.position_stride;
}

// Entries [begin, begin + length) of one row, among `count` sorted entries of all rows.
struct Run {
  const SortEntry* entries;
  std::size_t begin, length, count;
};

// sum[0, columns) = sum of coefficient * gradient over a short run of entries, from column `first` on.
template <int kWidth>
COLLIDE_INLINE void sum_short_run(const GradientTask& task, const Run& run, std::size_t first, std::size_t columns,
                                  float* sum) {
  const std::size_t n = kWidth > 0 ? kWidth : columns;
  if (task.scattered) {
    const std::size_t stop = std::min(run.begin + run.length + kPrefetch, run.count);
    for (std::size_t i = run.begin + kPrefetch; i < stop; ++i) {
      const std::uint32_t source = run.entries[i].source;
      const float* ahead = gradient_of(task, task.coefficients == nullptr ? source : task.slots[source]) + first;
      for (std::size_t j = 0; j < n; j += 16) __builtin_prefetch(ahead + j);
    }
  }
  float part[kWidth > 0 ? kWidth : kColumnBlock] = {};
  for (std::size_t i = run.begin; i < run.begin + run.length; ++i) {
    const std::uint32_t source = run.entries[i].source;
    if (task.coefficients == nullptr) {
      const float* gradient = gradient_of(task, source) + first;
      for (std::size_t j = 0; j < n; ++j) part[j] += gradient[j];
    } else {
      const float* gradient = gradient_of(task, task.slots[source]) + first;
      const float coefficient = task.coefficients[source];
      for (std::size_t j = 0; j < n; ++j) part[j] += coefficient * gradient[j];
    }
  }
  std::copy_n(part, n, sum);
}

template <int kWidth>
COLLIDE_INLINE void sum_run(const GradientTask& task, const Run& run, std::size_t first, std::size_t columns,
                            float* sum) {
  if (run.length <= kExactRun) return sum_short_run<kWidth>(task, run, first, columns, sum);
  const std::size_t n = kWidth > 0 ? kWidth : columns;
  double total[kWidth > 0 ? kWidth : kColumnBlock] = {};
  for (std::size_t done = 0; done < run.length; done += kExactRun) {
    const Run part{run.entries, run.begin + done, std::min(kExactRun, run.length - done), run.count};
    sum_short_run<kWidth>(task, part, first, n, sum);
    for (std::size_t j = 0; j < n; ++j) total[j] += sum[j];
  }
  for (std::size_t j = 0; j < n; ++j) sum[j] = static_cast<float>(total[j]);
}

// Mean of squares in eight fixed lanes: vectorised, and the same bits from every instruction set.
template <int kWidth>
COLLIDE_INLINE float mean_square(const float* g, std::size_t width) {
  const std::size_t n = kWidth > 0 ? kWidth : width;
  float lanes[8] = {};
  for (std::size_t j = 0; j < n; ++j) lanes[j % 8] += g[j] * g[j];
  const float sum = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
  return sum / static_cast<float>(n);
}

template <int kWidth>
COLLIDE_INLINE void update_row(InternalTable& table, const OptimizerSettings& optimizer, std::uint32_t row,
                               const float* g) {
  const std::size_t n = kWidth > 0 ? kWidth : table.width;
  float* weights = table.weights.as<float>() + std::size_t{row} * n;
  const float rate = optimizer.learning_rate;
  switch (optimizer.kind) {
    case OptimizerKind::kSgd:
      for (std::size_t j = 0; j < n; ++j) weights[j] -= rate * g[j];
      return;
    case OptimizerKind::kAdagrad: {
      float* state = table.state.as<float>() + std::size_t{row} * n;
      for (std::size_t j = 0; j < n; ++j) {
        state[j] += g[j] * g[j];
        weights[j] -= rate * g[j] / (std::sqrt(state[j]) + optimizer.epsilon);
      }
      return;
    }
    case OptimizerKind::kRowwiseAdagrad: {
      float& state = table.state.as<float>()[row];
      state += mean_square<kWidth>(g, n);
      const float step = rate / (std::sqrt(state) + optimizer.epsilon);
      for (std::size_t j = 0; j < n; ++j) weights[j] -= step * g[j];
      return;
    }
  }
}

template <int kWidth>
COLLIDE_INLINE void update_rows(const GradientTask& task, const OptimizerSettings& optimizer,
                                const SortEntry* entries) {
  const std::size_t n = kWidth > 0 ? kWidth : task.table->width;
  float block[kColumnBlock];
  std::vector<float> wide(kWidth > 0 ? 0 : n);
  float* sum = kWidth > 0 ? block : wide.data();
  const float* weights = task.table->weights.as<float>();
  for (std::size_t begin = 0, end; begin < task.n; begin = end) {
    const std::uint32_t row = entries[begin].row;
    for (end = begin + 1; end < task.n && entries[end].row == row; ++end) {
    }
    if (end + kPrefetch < task.n) __builtin_prefetch(weights + std::size_t{entries[end + kPrefetch].row} * n, 1);
    const Run run{entries, begin, end - begin, task.n};
    if constexpr (kWidth > 0) {
      sum_run<kWidth>(task, run, 0, n, sum);
    } else {
      for (std::size_t first = 0; first < n; first += kColumnBlock) {
        sum_run<0>(task, run, first, std::min(kColumnBlock, n - first), sum + first);
      }
    }
    update_row<kWidth>(*task.table, optimizer, row, sum);
  }
}

}  // namespace

COLLIDE_MULTIVERSION
void apply_gradient(const GradientTask& task, const OptimizerSettings& optimizer) {
  if (task.n == 0) return;
  const SortEntry* entries = sorted_entries(task);
  switch (task.table->width) {
    case 2:
      return update_rows<2>(task, optimizer, entries);
    case 4:
      return update_rows<4>(task, optimizer, entries);
    case 8:
      return update_rows<8>(task, optimizer, entries);
    case 16:
      return update_rows<16>(task, optimizer, entries);
    case 32:
      return update_rows<32>(task, optimizer, entries);
    case 64:
      return update_rows<64>(task, optimizer, entries);
    default:
      return update_rows<0>(task, optimizer, entries);
  }
}

}  // namespace collide
