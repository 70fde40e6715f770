// The one pool of threads. Passive: waiting threads sleep, so a busy machine loses nothing to us; only between
// ShortRegions they first stay awake for some microseconds, yielding.
// Determinism is the caller's: a task must own its output, because which thread runs it is left open.
#pragma once

#include <cstddef>
#include <functional>

namespace collide {

// Number of processors this process may use (its affinity mask), at least 1.
unsigned available_threads();

// Runs body(task) for every task in [0, tasks), on at most `threads` threads, the caller's included (0: all available).
// Returns when all are done; the first exception of a task is rethrown here. One region runs at a time: a second caller
// (another worker_thread, or a nested call) does its tasks alone on its own thread.
void parallel_for(std::size_t tasks, unsigned threads, const std::function<void(std::size_t task)>& body);

// For work of many short regions, one soon after the other. While an object lives, helpers waiting for the next region,
// and callers for their helpers, stay awake for some microseconds before they sleep: a region then costs 1 us more than
// its longest task, not 13.
class ShortRegions {
 public:
  ShortRegions();
  ~ShortRegions();
  ShortRegions(const ShortRegions&) = delete;
  ShortRegions& operator=(const ShortRegions&) = delete;
};

}  // namespace collide
