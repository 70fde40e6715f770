// The machine's own limits, written as well as we can write them: what a lookup or an update cannot beat, because it
// must touch the same rows. They work on the engine's tables and threads, and each can be told how far to prefetch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace collide::bench {

struct TableMemory {
  float* weights;  // [rows, width]
  float* state;    // [rows]
};

// Rows of all tables, table by table: those of table t are rows[starts[t] .. starts[t + 1]).
struct RowList {
  std::vector<std::uint32_t> rows;
  std::vector<std::size_t> starts;
};

struct Prefetch {
  std::size_t distance;  // rows a prefetch is ahead of its use
  bool whole_row;  // every cache line of the row, or its first (the processor's own prefetcher may fetch the rest)
  bool twice;      // asked for again halfway: the processor forgets what it is asked for when it is busy

  std::string text() const;
};

// Everything that is tried; the fastest is the limit.
std::vector<Prefetch> prefetches();

// Reads every row once into running sums. Returns the sum of all elements. The limit of forward.
double gather(const std::vector<TableMemory>& tables, std::size_t width, const RowList& list, const Prefetch& prefetch,
              unsigned threads);

// Adds `amount` to every element of every row and to the row's state. The limit of backward, given distinct rows.
void update(const std::vector<TableMemory>& tables, std::size_t width, const RowList& list, float amount,
            const Prefetch& prefetch, unsigned threads);

// Copies `bytes` from one place to another; both must exceed the caches.
void stream_copy(char* to, const char* from, std::size_t bytes, unsigned threads);
// Writes the floats once, in order, past the cache. `to` is a multiple of 32 bytes.
void stream_write(float* to, std::size_t floats, unsigned threads);
// Reads the floats once, in order, and returns their sum; those beyond a multiple of 64 per thread are left out.
double stream_read(const float* from, std::size_t floats, unsigned threads);

}  // namespace collide::bench
