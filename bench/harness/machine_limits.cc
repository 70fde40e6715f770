#include "machine_limits.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/support/multiversion.h"
#include "cpu/support/float8.h"
#include "cpu/support/thread_pool.h"

namespace collide::bench {

namespace {

constexpr std::size_t kShares = 4;  // of each thread, equal: a disturbed thread leaves some to the others
constexpr std::size_t kLane = 16;   // floats of a cache line
// Sums must stay in registers: an array of vectors does, where an array of floats would be stored after each row.
typedef float Vector __attribute__((vector_size(32), may_alias));
constexpr std::size_t kVectors = 2;  // of a cache line

template <std::size_t kCount>
COLLIDE_INLINE double lanes(const Vector (&sum)[kCount]) {
  double total = 0;
  for (const Vector& vector : sum) {
    for (std::size_t j = 0; j < kLane / kVectors; ++j) total += static_cast<double>(vector[j]);
  }
  return total;
}

// Rows that are prefetched while others are read: of another table, it may be. None: rows is null.
struct Ahead {
  const TableMemory* table = nullptr;
  const std::uint32_t* rows = nullptr;
};

// A stretch of one table's rows, and those `distance` rows later and halfway there.
struct Stretch {
  const TableMemory* table;
  const std::uint32_t* rows;
  Ahead ahead, again;
  std::size_t count;
};

struct Share {  // of the rows of all tables
  const std::vector<TableMemory>& tables;
  const RowList& list;
  std::size_t begin, end;
  Prefetch prefetch;
};

template <bool kWrite, std::size_t kLines>
COLLIDE_INLINE void fetch(const TableMemory& table, std::size_t row, std::size_t lines) {
  const float* at = table.weights + row * (kLines * kLane);
  for (std::size_t line = 0; line < lines; ++line) __builtin_prefetch(at + line * kLane, kWrite);
  if constexpr (kWrite) __builtin_prefetch(table.state + row, 1);
}

// Calls body(stretch) for the share's rows in order, cut where the table of the row or of the row ahead changes.
template <bool kWrite, std::size_t kLines, typename Body>
COLLIDE_INLINE void sweep(const Share& share, const Body& body) {
  const auto& [tables, list, begin, end, prefetch] = share;
  const auto table_of = [&](std::size_t i) {
    return static_cast<std::size_t>(std::upper_bound(list.starts.begin(), list.starts.end(), i) - list.starts.begin()) -
           1;
  };
  const std::size_t distance = std::min(prefetch.distance, end - begin);
  const std::size_t lines = prefetch.whole_row ? kLines : 1;
  for (std::size_t i = begin; i < begin + distance; ++i) {
    fetch<kWrite, kLines>(tables[table_of(i)], list.rows[i], lines);
  }
  for (std::size_t i = begin; i < end;) {
    const std::size_t table = table_of(i);
    std::size_t stop = std::min(end, list.starts[table + 1]);
    const auto look_ahead = [&](std::size_t rows) -> Ahead {
      if (i + rows >= end) return {};
      const std::size_t ahead_table = table_of(i + rows);
      stop = std::min(stop, std::min(end, list.starts[ahead_table + 1]) - rows);
      return {&tables[ahead_table], list.rows.data() + i + rows};
    };
    Stretch stretch{&tables[table], list.rows.data() + i, look_ahead(distance), {}, 0};
    if (prefetch.twice) stretch.again = look_ahead(distance / 2);
    stretch.count = stop - i;
    body(stretch);
    i = stop;
  }
}

// Row i of a stretch of those ahead.
template <bool kWrite, std::size_t kLines, bool kWhole>
COLLIDE_INLINE void fetch(const Ahead& ahead, std::size_t i) {
  if (ahead.rows != nullptr) fetch<kWrite, kLines>(*ahead.table, ahead.rows[i], kWhole ? kLines : 1);
}

template <std::size_t kLines, bool kWhole>
COLLIDE_INLINE void add_rows(const Stretch& stretch, Vector (&sum)[kLines * kVectors]) {
  for (std::size_t i = 0; i < stretch.count; ++i) {
    fetch<false, kLines, kWhole>(stretch.ahead, i);
    fetch<false, kLines, kWhole>(stretch.again, i);
    const auto* row =
        reinterpret_cast<const Vector*>(stretch.table->weights + std::size_t{stretch.rows[i]} * (kLines * kLane));
    for (std::size_t j = 0; j < kLines * kVectors; ++j) sum[j] += row[j];
  }
}

template <std::size_t kLines>
COLLIDE_INLINE double gather_share(const Share& share) {
  Vector sum[kLines * kVectors] = {};
  sweep<false, kLines>(
      share, [&](const Stretch& stretch) __attribute__((always_inline)) {
        if (share.prefetch.whole_row) {
          add_rows<kLines, true>(stretch, sum);
        } else {
          add_rows<kLines, false>(stretch, sum);
        }
      });
  return lanes(sum);
}

template <std::size_t kLines, bool kWhole>
COLLIDE_INLINE void change_rows(const Stretch& stretch, float amount) {
  for (std::size_t i = 0; i < stretch.count; ++i) {
    fetch<true, kLines, kWhole>(stretch.ahead, i);
    fetch<true, kLines, kWhole>(stretch.again, i);
    const std::size_t at = stretch.rows[i];
    auto* row = reinterpret_cast<Vector*>(stretch.table->weights + at * (kLines * kLane));
    stretch.table->state[at] += amount;
    for (std::size_t j = 0; j < kLines * kVectors; ++j) row[j] += amount;
  }
}

template <std::size_t kLines>
COLLIDE_INLINE void update_share(const Share& share, float amount) {
  sweep<true, kLines>(
      share, [&](const Stretch& stretch) __attribute__((always_inline)) {
        if (share.prefetch.whole_row) {
          change_rows<kLines, true>(stretch, amount);
        } else {
          change_rows<kLines, false>(stretch, amount);
        }
      });
}

COLLIDE_MULTIVERSION double gather_16(const Share& share) {
  return gather_share<1>(share);
}
COLLIDE_MULTIVERSION double gather_64(const Share& share) {
  return gather_share<4>(share);
}
COLLIDE_MULTIVERSION void update_16(const Share& share, float amount) {
  update_share<1>(share, amount);
}
COLLIDE_MULTIVERSION void update_64(const Share& share, float amount) {
  update_share<4>(share, amount);
}

COLLIDE_MULTIVERSION double sum_floats(const float* from, std::size_t lines) {
  Vector sum[4] = {};
  for (std::size_t i = 0; i < lines * kVectors; i += 4) {
    for (std::size_t j = 0; j < 4; ++j) sum[j] += reinterpret_cast<const Vector*>(from)[i + j];
  }
  return lanes(sum);
}

COLLIDE_MULTIVERSION void write_lines(float* to, std::size_t lines) {
  const Float8 value = {1, 1, 1, 1, 1, 1, 1, 1};
  for (std::size_t i = 0; i < lines * kLane; i += 8) stream8(to + i, value);
}

}  // namespace

std::string Prefetch::text() const {
  return std::to_string(distance) + (whole_row ? "-rows-ahead" : "-first-lines-ahead") + (twice ? "-twice" : "");
}

std::vector<Prefetch> prefetches() {
  std::vector<Prefetch> all;
  for (std::size_t distance : {8, 12, 16, 24, 32, 48, 64}) {
    for (bool whole_row : {true, false}) {
      for (bool twice : {false, true}) all.push_back({distance, whole_row, twice});
    }
  }
  return all;
}

double gather(const std::vector<TableMemory>& tables, std::size_t width, const RowList& list, const Prefetch& prefetch,
              unsigned threads) {
  const std::size_t tasks = kShares * threads, n = list.rows.size();
  std::vector<double> sums(tasks);
  parallel_for(tasks, threads, [&](std::size_t task) {
    const Share share{tables, list, n * task / tasks, n * (task + 1) / tasks, prefetch};
    sums[task] = width == kLane ? gather_16(share) : gather_64(share);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void update(const std::vector<TableMemory>& tables, std::size_t width, const RowList& list, float amount,
            const Prefetch& prefetch, unsigned threads) {
  const std::size_t tasks = kShares * threads, n = list.rows.size();
  parallel_for(tasks, threads, [&](std::size_t task) {
    const Share share{tables, list, n * task / tasks, n * (task + 1) / tasks, prefetch};
    width == kLane ? update_16(share, amount) : update_64(share, amount);
  });
}

void stream_copy(char* to, const char* from, std::size_t bytes, unsigned threads) {
  parallel_for(threads, threads, [&](std::size_t task) {
    const std::size_t begin = bytes * task / threads, end = bytes * (task + 1) / threads;
    std::memcpy(to + begin, from + begin, end - begin);
  });
}

void stream_write(float* to, std::size_t floats, unsigned threads) {
  const std::size_t lines = floats / kLane;
  parallel_for(threads, threads, [&](std::size_t task) {
    const std::size_t begin = lines * task / threads, end = lines * (task + 1) / threads;
    write_lines(to + begin * kLane, end - begin);
    end_streaming();
  });
}

double stream_read(const float* from, std::size_t floats, unsigned threads) {
  std::vector<double> sums(threads);
  const std::size_t lines = floats / (4 * kLane * threads) * 4;  // of each thread
  parallel_for(threads, threads,
               [&](std::size_t task) { sums[task] = sum_floats(from + task * lines * kLane, lines); });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace collide::bench
