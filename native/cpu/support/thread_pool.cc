#include "cpu/support/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace collide {

namespace {

struct Region {
  std::size_t tasks;
  const std::function<void(std::size_t)>* body;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error = nullptr;  // written once, by whoever sets `failed` first

  void work() {
    for (;;) {
      const std::size_t task = next.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks || failed.load(std::memory_order_relaxed)) return;
      try {
        (*body)(task);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
};

class Pool {
 public:
  void run(Region& region, unsigned helpers) {
    {
      std::lock_guard lock(mutex_);
      try {
        for (; workers_ < helpers; ++workers_) std::thread([this, index = workers_] { serve(index); }).detach();
      } catch (const std::system_error&) {
        // No more threads to be had: those there are share the work, the caller alone if need be.
      }
      region_ = &region;
      helpers_ = helpers;
      ++generation_;
    }
    wake_.notify_all();
    region.work();
    {
      std::lock_guard lock(mutex_);
      region_ = nullptr;  // a helper that has not woken by now sleeps on: nobody waits for it
    }
    linger([this] { return joined_ == 0; });
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return joined_ == 0; });
  }

  std::mutex one_region;
  std::atomic<unsigned> short_regions{0};  // objects alive

 private:
  void serve(unsigned index) {
    std::size_t seen = 0;
    for (;;) {
      Region* region;
      linger([this, seen] { return generation_ != seen; });
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return generation_ != seen; });
        seen = generation_;
        if (index >= helpers_ || region_ == nullptr) continue;
        region = region_;
        ++joined_;
      }
      region->work();
      std::lock_guard lock(mutex_);
      if (--joined_ == 0) done_.notify_one();
    }
  }

  // Waits awake while short regions follow one another, but not for long.
  template <typename Ready>
  void linger(const Ready& ready) const {
    constexpr int kTries = 200;  // 50 us or so on an idle machine
    for (int i = 0; i < kTries && short_regions.load(std::memory_order_relaxed) > 0 && !ready(); ++i) {
      std::this_thread::yield();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Region* region_ = nullptr;
  unsigned workers_ = 0, helpers_ = 0;
  // Changed under the mutex; who lingers looks at them without it.
  std::atomic<unsigned> joined_{0};
  std::atomic<std::size_t> generation_{0};
};

// Never destroyed: its threads sleep until the process ends, and the addon is linked so that it is never unloaded.
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

thread_local bool inside_region = false;

}  // namespace

ShortRegions::ShortRegions() {
  ++pool().short_regions;
}

ShortRegions::~ShortRegions() {
  --pool().short_regions;
}

unsigned available_threads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

void parallel_for(std::size_t tasks, unsigned threads, const std::function<void(std::size_t)>& body) {
  Region region{tasks, &body};
  if (threads == 0) threads = available_threads();
  const auto helpers = static_cast<unsigned>(std::min<std::size_t>(threads, tasks)) - (tasks > 0 ? 1 : 0);
  std::unique_lock alone(pool().one_region, std::defer_lock);
  if (helpers > 0 && !inside_region && alone.try_lock()) {
    inside_region = true;
    pool().run(region, helpers);
    inside_region = false;
  } else {
    region.work();
  }
  if (region.error) std::rethrow_exception(region.error);
}

}  // namespace collide
