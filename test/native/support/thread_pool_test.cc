// cpu/support/thread_pool.h: every task runs once, from one caller, from several at once, nested, and when tasks throw.
// Meant for ThreadSanitizer: tasks write plain memory that the caller reads afterwards.
#include "cpu/support/thread_pool.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/support/error.h"

namespace {

using collide::parallel_for;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

// Whether each of `tasks` tasks ran exactly once.
bool each_once(std::size_t tasks, unsigned threads) {
  std::vector<int> runs(tasks);
  parallel_for(tasks, threads, [&](std::size_t task) { ++runs[task]; });
  for (const int count : runs) {
    if (count != 1) return false;
  }
  return true;
}

void counts() {
  for (const unsigned threads : {0u, 1u, 2u, 3u, 7u, 16u}) {
    for (const std::size_t tasks : {0, 1, 2, 3, 8, 1000}) {
      check(each_once(tasks, threads), std::to_string(tasks) + " tasks on " + std::to_string(threads) + " threads");
    }
  }
  check(collide::available_threads() >= 1, "at least one thread");
}

void many_short_regions(bool announced) {
  std::unique_ptr<collide::ShortRegions> awake;
  if (announced) awake = std::make_unique<collide::ShortRegions>();
  bool ok = true;
  std::vector<std::uint64_t> sums(3);
  for (int region = 0; region < 2000; ++region) {
    parallel_for(3, 1 + region % 4, [&](std::size_t task) { sums[task] += task + 1; });
    ok = ok && sums[2] == 3u * (region + 1);
  }
  check(ok && sums[0] == 2000 && sums[1] == 4000, "short regions one after another see each other's writes");
}

void two_callers_at_once() {
  std::atomic<bool> ok{true};
  const auto work = [&](unsigned threads) {
    for (int region = 0; region < 300; ++region) {
      if (!each_once(17, threads)) ok = false;
    }
  };
  std::thread first(work, 2), second(work, 3), third(work, 4);
  first.join(), second.join(), third.join();
  check(ok, "three threads that call at once all get their tasks done");
}

void nested() {
  std::vector<int> runs(20 * 30);
  parallel_for(20, 4, [&](std::size_t outer) {
    parallel_for(30, 4, [&, outer](std::size_t inner) { ++runs[outer * 30 + inner]; });
  });
  bool ok = true;
  for (const int count : runs) ok = ok && count == 1;
  check(ok, "a region inside a task");
}

void errors() {
  for (const unsigned threads : {1u, 4u}) {
    for (int round = 0; round < 50; ++round) {
      std::string code;
      try {
        parallel_for(40, threads, [&](std::size_t task) {
          if (task % 3 == 1) collide::fail("INVALID_ARGUMENT", "task ", task);
        });
      } catch (const collide::Error& error) {
        code = error.code;
      }
      if (round == 0) check(code == "INVALID_ARGUMENT", "the first exception reaches the caller");
      if (round == 49) check(each_once(40, threads), "the pool works after exceptions");
    }
  }
}

}  // namespace

int main() {
  counts();
  many_short_regions(false);
  many_short_regions(true);
  two_callers_at_once();
  nested();
  errors();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
