#include "cpu/embedding/backward.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/support/multiversion.h"
#include "cpu/embedding/frequent_rows.h"
#include "cpu/embedding/gradient_sum.h"
#include "cpu/embedding/prefetch.h"
#include "cpu/embedding/row_sort.h"
#include "cpu/support/float8.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kPiece = kGradientPiece;  // gradients that one thread sums
constexpr std::size_t kChunk = 8192;            // sorted entries per task of a split table
constexpr std::size_t kBagsPerTask = 512;
// Bytes of gradients that leave the second-level cache, and how many ids must share one that is read: then rows are
// worth finding whose gradients are summed as they come.
constexpr std::size_t kLeastBytes = 512 << 10, kLeastIdsPerGradient = 4;
// How far a prefetch is ahead of its use: about as many cache lines, whatever the width; an unknown one counts as 64.
// What has several lines is asked for again halfway: a processor with as many lines under way as it can have (24 on
// Zen 3) forgets the next, and waits for it in full when it is used.
constexpr std::size_t kGradientLinesAhead = 64, kRowLinesAhead = 32;
constexpr std::size_t kFrequentRowsAhead = 8;

template <typename Entry>
Entry make_entry(std::uint32_t row, std::uint32_t source, float coefficient) {
  if constexpr (std::is_same_v<Entry, WeightedRowEntry>) {
    return {row, source, coefficient};
  } else {
    return {row, source};
  }
}

// The entries of bags [first, last) of a source, in the order of their ids. A pruned id gets the row behind the last.
template <typename Entry, typename Body>
COLLIDE_INLINE void for_each_entry(const GradientSource& source, std::uint32_t pruned, std::size_t first,
                                   std::size_t last, const Body& body) {
  const bool mean = source.feature->pooling == Pooling::kMean && !source.per_id;
  const std::uint32_t *const offsets = source.offsets, *const rows = source.rows;
  const float* const weights = source.per_id ? nullptr : source.weights;
  std::size_t i = offsets[first];
  for (std::size_t bag = first; bag < last; ++bag) {
    const std::size_t begin = i, end = offsets[bag + 1];
    const float share = mean ? 1.0f / static_cast<float>(end - begin) : 1.0f;
    std::size_t at = source.base + (source.per_id ? (i - offsets[0]) * source.position : bag * source.stride);
    for (; i < end; ++i, at += source.position) {
      const float coefficient = weights == nullptr ? share : weights[i] * share;
      body(make_entry<Entry>(std::min(rows[i], pruned), static_cast<std::uint32_t>(at), coefficient));
    }
  }
}

template <typename Entry>
Entry* make_entries(const GradientSource& source, std::uint32_t pruned, std::size_t first, std::size_t last,
                    Entry* entries) {
  for_each_entry<Entry>(source, pruned, first, last, [&](const Entry& entry) { *entries++ = entry; });
  return entries;
}

// Where the runs of equal rows begin among entries [begin, end); written to starts, which holds one more than there are
// entries. A run belongs to the range that it begins in. Without a branch: what follows what is by chance.
template <typename Entry>
std::size_t find_runs(const Entry* entries, std::size_t begin, std::size_t end, std::uint32_t* starts) {
  std::size_t runs = 0;
  for (std::size_t i = begin; i < end; ++i) {
    starts[runs] = static_cast<std::uint32_t>(i);
    runs += i == 0 || entries[i].row != entries[i - 1].row;
  }
  return runs;
}

// Sorted entries, of which the runs that begin at starts[0, runs) are to be applied; starts[runs] is where the last
// ends.
template <typename Entry>
struct Runs {
  const Entry* entries;
  std::size_t n;  // of all entries: how far a prefetch may look
  const std::uint32_t* starts;
  std::size_t runs;
};

void step_one(const TableGradient& task, const OptimizerStep& step, std::uint32_t row, float* sum) {
  const InternalTable& table = *task.table;
  step_rows(step, table.precision, table.row(row), table.state_of(row), sum, 1, table.width, task.random ^ mix64(row));
}

// The optimizer whose loop over rows of float32 is compiled as one, without a call per row: the paper's.
using Inlined = embedding_optimizers::RowwiseAdagrad;

// Step: RowStep<Inlined> of float32 rows, or OptimizerStep of any. kWidth: of the rows, or 0 for any. Everything that
// the loop needs is copied first: stores to rows might change it where the compiler cannot tell.
template <int kWidth, typename Entry, typename Step>
COLLIDE_INLINE void step_runs(const TableGradient& task, const Step& given, const Runs<Entry>& sorted) {
  constexpr bool kInlined = std::is_same_v<Step, RowStep<Inlined>>;
  const Step step = given;
  const std::size_t width = kWidth > 0 ? kWidth : task.table->width, rows = task.table->rows;
  const std::size_t row_bytes = kInlined ? width * sizeof(float) : task.table->bytes_per_row;
  const std::size_t states = task.table->state_stride(), runs = sorted.runs, n = sorted.n;
  auto* const weights = task.table->weights.template as<std::uint8_t>();
  auto* const state = task.table->state.template as<float>();
  auto* const counters = task.counts ? &task.table->counter(0) : nullptr;
  const float* const gradient = task.gradient;
  const Entry* const entries = sorted.entries;
  const std::uint32_t* const starts = sorted.starts;
  // Most rows of whole vectors have few entries: those are summed and stepped in registers.
  constexpr int kVectors = kInlined && kWidth % 8 == 0 ? kWidth / 8 : 0;
  constexpr std::size_t kLines = kWidth > 0 ? (kWidth * sizeof(float) + kLine - 1) / kLine : 4;
  constexpr std::size_t kGradientsAhead = kGradientLinesAhead / kLines, kRowsAhead = kRowLinesAhead / kLines;
  constexpr bool kTwice = kLines > 1;
  std::vector<float> wide(kWidth > 0 ? 0 : width);
  alignas(64) float narrow[kWidth > 0 ? kWidth : 1];
  float* const sum = kWidth > 0 ? narrow : wide.data();
  const auto fetch_row = [&](std::size_t run) __attribute__((always_inline)) {
    if (run >= runs) return;
    const std::size_t row = entries[starts[run]].row;  // a prefetch of a pruned one does no harm
    fetch<true>(weights + row * row_bytes, row_bytes);
    fetch<true>(state + row * states, states * sizeof(float));
  };
  const auto fetch_gradients = [&](std::size_t first, std::size_t last) __attribute__((always_inline)) {
    for (std::size_t i = first; i < std::min(last, n); ++i) {
      fetch<false>(gradient + entries[i].source, width * sizeof(float));
    }
  };
  for (std::size_t run = 0; run < runs; ++run) {
    const std::size_t begin = starts[run], end = starts[run + 1], row = entries[begin].row;
    if (row == rows) break;  // pruned ids
    if (counters != nullptr) counters[row * states] = saturating_sum(counters[row * states], end - begin);
    fetch_row(run + kRowsAhead);
    fetch_gradients(begin + kGradientsAhead, end + kGradientsAhead);
    if constexpr (kTwice) {
      fetch_row(run + kRowsAhead / 2);
      fetch_gradients(begin + kGradientsAhead / 2, end + kGradientsAhead / 2);
    }
    if constexpr (kVectors > 0) {
      if (end - begin <= kFloatRun && !(step.max_row_norm > 0)) {
        Float8 few[kVectors];
        Sum<Entry, kWidth>::few(gradient, entries + begin, end - begin, 0, few);
        step_vectors(step, reinterpret_cast<float*>(weights + row * row_bytes), state + row * states, few);
        continue;
      }
    }
    for_each_block<64>(
        width, [&]<int kBlock>(std::size_t column) __attribute__((always_inline)) {
          Sum<Entry, kBlock>::run(gradient, entries + begin, end - begin, column, sum + column);
        });
    if constexpr (kInlined) {
      step_row<Inlined, Precision::kFloat32, kWidth>(step, weights + row * row_bytes, state + row * states, sum, width,
                                                     0);
    } else {
      step_one(task, step, static_cast<std::uint32_t>(row), sum);
    }
  }
}

// The paper's widths and the field's are known when the loop is compiled.
template <typename Entry>
COLLIDE_INLINE void step_inlined(const TableGradient& task, const RowStep<Inlined>& step, const Runs<Entry>& sorted) {
  switch (task.table->width) {
    case 2:
      return step_runs<2>(task, step, sorted);
    case 4:
      return step_runs<4>(task, step, sorted);
    case 16:
      return step_runs<16>(task, step, sorted);
    case 32:
      return step_runs<32>(task, step, sorted);
    case 64:
      return step_runs<64>(task, step, sorted);
    default:
      return step_runs<0>(task, step, sorted);
  }
}

COLLIDE_MULTIVERSION
void step_plain(const TableGradient& task, const RowStep<Inlined>& step, const Runs<RowEntry>& sorted) {
  step_inlined(task, step, sorted);
}
COLLIDE_MULTIVERSION
void step_weighted(const TableGradient& task, const RowStep<Inlined>& step, const Runs<WeightedRowEntry>& sorted) {
  step_inlined(task, step, sorted);
}
COLLIDE_MULTIVERSION
void step_any_plain(const TableGradient& task, const OptimizerStep& step, const Runs<RowEntry>& sorted) {
  step_runs<0>(task, step, sorted);
}
COLLIDE_MULTIVERSION
void step_any_weighted(const TableGradient& task, const OptimizerStep& step, const Runs<WeightedRowEntry>& sorted) {
  step_runs<0>(task, step, sorted);
}

const RowStep<Inlined>* inlined_step(const TableGradient& task, const OptimizerStep& step) {
  return task.table->precision == Precision::kFloat32 ? std::get_if<RowStep<Inlined>>(&step) : nullptr;
}
void step_sorted(const TableGradient& task, const OptimizerStep& step, const Runs<RowEntry>& sorted) {
  const auto* const inlined = inlined_step(task, step);
  inlined != nullptr ? step_plain(task, *inlined, sorted) : step_any_plain(task, step, sorted);
}
void step_sorted(const TableGradient& task, const OptimizerStep& step, const Runs<WeightedRowEntry>& sorted) {
  const auto* const inlined = inlined_step(task, step);
  inlined != nullptr ? step_weighted(task, *inlined, sorted) : step_any_weighted(task, step, sorted);
}

// Each thread's own room for one table's entries: it stays in the cache from table to table.
template <typename Entry>
struct Room {
  std::vector<Entry> entries, frequent_entries;
  std::vector<std::uint32_t> starts;
  FrequentRows frequent;
};

bool has_frequent_rows(const TableGradient& task) {
  std::size_t gradients = 0;
  for (const GradientSource& source : task.sources) {
    gradients += source.position > 0 ? source.offsets[source.bags] - source.offsets[0] : source.bags;
  }
  return gradients * task.table->width * sizeof(float) >= kLeastBytes && task.n >= kLeastIdsPerGradient * gradients;
}

template <typename Entry>
void choose_frequent(const TableGradient& task, Room<Entry>& room) {
  const std::size_t rows = task.table->rows, width = task.table->width;
  if (rows <= FrequentRows::most(width)) return room.frequent.choose_all(rows, width);
  const auto pruned = static_cast<std::uint32_t>(rows);
  Entry* const sample = room.entries.data();
  std::size_t n = 0;
  for (const GradientSource& source : task.sources) {
    const std::size_t end = source.offsets[source.bags];
    for (std::size_t i = source.offsets[0]; i < end; i += FrequentRows::kSampled) {
      sample[n++] = make_entry<Entry>(std::min(source.rows[i], pruned), 0, 0);
    }
  }
  room.frequent.choose(sort_by_row(sample, sample + n, n, rows), n, rows, width);
}

// The entries of a source, those of frequent rows apart and with slots in place of rows. Without a branch: which row is
// next is by chance.
template <typename Entry>
__attribute__((noinline)) void split_entries(const GradientSource& source, std::uint32_t pruned,
                                             const FrequentRows& frequent, Entry*& others, Entry*& chosen) {
  Entry *other = others, *next = chosen;
  for_each_entry<Entry>(source, pruned, 0, source.bags, [&](Entry entry) {
    const std::size_t is_chosen = frequent.chosen(entry.row) ? 1 : 0;
    const std::uint32_t slot = frequent.slot(entry.row);
    *other = entry;
    entry.row = slot;
    *next = entry;
    other += 1 - is_chosen;
    next += is_chosen;
  });
  others = other;
  chosen = next;
}

// Steps the frequent rows; returns the end of the others' entries, which it writes to the room.
template <typename Entry>
Entry* step_frequent(const TableGradient& task, const OptimizerStep& step, Room<Entry>& room) {
  choose_frequent(task, room);
  FrequentRows& frequent = room.frequent;
  room.frequent_entries.resize(std::max(room.frequent_entries.size(), task.n));
  Entry *other = room.entries.data(), *summed = room.frequent_entries.data();
  for (const GradientSource& source : task.sources) {
    split_entries(source, static_cast<std::uint32_t>(task.table->rows), frequent, other, summed);
  }
  frequent.sum(task.gradient, room.frequent_entries.data(), summed - room.frequent_entries.data());
  for (std::size_t slot = 0; slot < frequent.slots(); ++slot) {
    if (slot + kFrequentRowsAhead < frequent.slots()) {
      const std::uint32_t ahead = frequent.row(slot + kFrequentRowsAhead);
      fetch<true>(task.table->row(ahead), task.table->bytes_per_row);
      fetch<true>(task.table->state_of(ahead), task.table->state_stride() * sizeof(float));
    }
    if (frequent.gradients(slot) == 0) continue;
    if (task.counts) task.table->count(frequent.row(slot), frequent.gradients(slot));
    step_one(task, step, frequent.row(slot), frequent.sum_of(slot));
  }
  return other;
}

template <typename Entry>
void apply_alone(const TableGradient& task, const OptimizerStep& step) {
  thread_local Room<Entry> room;
  room.entries.resize(std::max(room.entries.size(), 2 * task.n));
  room.starts.resize(std::max(room.starts.size(), task.n + 1));
  Entry *const entries = room.entries.data(), *end = entries;
  if (has_frequent_rows(task)) {
    end = step_frequent(task, step, room);
  } else {
    for (const GradientSource& source : task.sources) {
      end = make_entries(source, static_cast<std::uint32_t>(task.table->rows), 0, source.bags, end);
    }
  }
  const std::size_t n = end - entries;
  const Entry* sorted = sort_by_row(entries, end, n, task.table->rows);
  const std::size_t runs = find_runs(sorted, 0, n, room.starts.data());
  room.starts[runs] = static_cast<std::uint32_t>(n);
  step_sorted(task, step, Runs<Entry>{sorted, n, room.starts.data(), runs});
}

// A run of more than kPiece entries, whose pieces are summed by tasks of their own.
struct LongRun {
  std::uint32_t row;
  std::size_t begin, end;
  std::size_t first_piece;

  std::size_t pieces() const { return (end - begin + kPiece - 1) / kPiece; }
};

// All runs so long that two entries kPiece apart belong to them; shorter ones a task sums alone, to the same bits.
template <typename Entry>
std::vector<LongRun> find_long_runs(const Entry* entries, std::size_t n, std::uint64_t rows) {
  std::vector<LongRun> runs;
  const auto before = [](const Entry& a, const Entry& b) { return a.row < b.row; };
  std::size_t pieces = 0;
  for (std::size_t i = 0; i + kPiece < n; i += kPiece) {
    const Entry& entry = entries[i];
    if (entry.row != entries[i + kPiece].row || entry.row == rows) continue;
    if (!runs.empty() && runs.back().row == entry.row) continue;
    const auto [begin, end] = std::equal_range(entries, entries + n, entry, before);
    runs.push_back(
        {entry.row, static_cast<std::size_t>(begin - entries), static_cast<std::size_t>(end - entries), pieces});
    pieces += runs.back().pieces();
  }
  return runs;
}

// Steps the runs that begin in entries [begin, end), but for the long ones.
template <typename Entry>
void step_chunk(const TableGradient& task, const OptimizerStep& step, const Entry* entries, std::size_t begin,
                std::size_t end, const std::vector<LongRun>& long_runs) {
  std::vector<std::uint32_t> starts(end - begin + 1);
  const std::size_t runs = find_runs(entries, begin, end, starts.data());
  if (runs == 0) return;
  const auto before = [](const Entry& a, const Entry& b) { return a.row < b.row; };
  starts[runs] = static_cast<std::uint32_t>(
      std::upper_bound(entries + end - 1, entries + task.n, entries[end - 1], before) - entries);
  std::size_t done = 0;
  const auto step_until = [&](std::size_t run) {
    step_sorted(task, step, Runs<Entry>{entries, task.n, starts.data() + done, run - done});
  };
  for (const LongRun& run : long_runs) {
    if (run.begin < begin || run.begin >= end) continue;
    const auto at = std::lower_bound(starts.begin(), starts.begin() + runs, run.begin) - starts.begin();
    step_until(at);
    done = at + 1;
  }
  step_until(runs);
}

template <typename Entry>
COLLIDE_INLINE void sum_piece(const TableGradient& task, const Entry* entries, std::size_t n, double* out) {
  for_each_block<64>(
      task.table->width, [&]<int kBlock>(std::size_t column) __attribute__((always_inline)) {
        Sum<Entry, kBlock>::piece(task.gradient, entries, n, column, out + column);
      });
}
COLLIDE_MULTIVERSION
void piece_of(const TableGradient& task, const RowEntry* entries, std::size_t n, double* out) {
  sum_piece(task, entries, n, out);
}
COLLIDE_MULTIVERSION
void weighted_piece_of(const TableGradient& task, const WeightedRowEntry* entries, std::size_t n, double* out) {
  sum_piece(task, entries, n, out);
}

void step_long_run(const TableGradient& task, const OptimizerStep& step, const LongRun& run, const double* pieces) {
  const std::size_t width = task.table->width;
  if (task.counts) task.table->count(run.row, run.end - run.begin);
  std::vector<float> sum(width);
  for (std::size_t j = 0; j < width; ++j) {
    double all = 0;
    for (std::size_t p = 0; p < run.pieces(); ++p) all += pieces[(run.first_piece + p) * width + j];
    sum[j] = static_cast<float>(all);
  }
  step_one(task, step, run.row, sum.data());
}

template <typename Entry>
void apply_split(const TableGradient& task, const OptimizerStep& step, unsigned threads) {
  std::vector<Entry> entries(2 * task.n);
  struct Range {
    const GradientSource* source;
    std::size_t first, last;
    Entry* entries;
  };
  std::vector<Range> ranges;
  Entry* next = entries.data();
  for (const GradientSource& source : task.sources) {
    for (std::size_t first = 0; first < source.bags; first += kBagsPerTask) {
      const std::size_t last = std::min(source.bags, first + kBagsPerTask);
      ranges.push_back({&source, first, last, next});
      next += source.offsets[last] - source.offsets[first];
    }
  }
  const auto pruned = static_cast<std::uint32_t>(task.table->rows);
  parallel_for(ranges.size(), threads, [&](std::size_t i) {
    make_entries(*ranges[i].source, pruned, ranges[i].first, ranges[i].last, ranges[i].entries);
  });
  const Entry* sorted = sort_by_row(entries.data(), entries.data() + task.n, task.n, pruned, threads);

  const std::vector<LongRun> long_runs = find_long_runs(sorted, task.n, pruned);
  std::vector<std::pair<const LongRun*, std::size_t>> pieces;
  for (const LongRun& run : long_runs) {
    for (std::size_t p = 0; p < run.pieces(); ++p) pieces.emplace_back(&run, p);
  }
  std::vector<double> sums(pieces.size() * task.table->width);
  const std::size_t chunks = (task.n + kChunk - 1) / kChunk;
  parallel_for(pieces.size() + chunks, threads, [&](std::size_t i) {
    if (i >= pieces.size()) {
      const std::size_t begin = (i - pieces.size()) * kChunk;
      return step_chunk(task, step, sorted, begin, std::min(task.n, begin + kChunk), long_runs);
    }
    const auto& [run, piece] = pieces[i];
    const std::size_t begin = run->begin + piece * kPiece, n = std::min(kPiece, run->end - begin);
    double* out = sums.data() + i * task.table->width;
    if constexpr (std::is_same_v<Entry, WeightedRowEntry>) {
      weighted_piece_of(task, sorted + begin, n, out);
    } else {
      piece_of(task, sorted + begin, n, out);
    }
  });
  parallel_for(long_runs.size(), threads, [&](std::size_t i) { step_long_run(task, step, long_runs[i], sums.data()); });
}

}  // namespace

void apply_gradient(const TableGradient& task, const OptimizerStep& step) {
  if (task.n == 0) return;
  if (task.weighted) return apply_alone<WeightedRowEntry>(task, step);
  apply_alone<RowEntry>(task, step);
}

void apply_gradient(const TableGradient& task, const OptimizerStep& step, unsigned threads) {
  if (task.n == 0) return;
  if (task.weighted) return apply_split<WeightedRowEntry>(task, step, threads);
  apply_split<RowEntry>(task, step, threads);
}

}  // namespace collide
