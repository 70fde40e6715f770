// Long work on a thread of its own (never Node's thread pool): progress and the result reach JavaScript through a
// ThreadSafeFunction; abort is a flag the work polls. When the environment ends in mid-job (worker.terminate()), the
// work is told to abort and its thread is joined before the environment's memory goes.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace collide::addon {

// Handed to the work. `aborted()` is cheap: poll it every millisecond or so, so that an abort ends the work at once.
// `progress` may be called from the work's thread only, once at the end at the latest: reports that come too soon after
// another are held back, but never the last one.
struct JobControl {
  std::function<bool()> aborted;
  std::function<void(double a, double b)> progress;  // two numbers whose meaning the job defines
};

// Starts `work` and returns { promise, abort }. `work` runs off the JavaScript thread and may throw collide::Error; if
// it returns after an abort, the promise rejects with ABORTED. `result` then makes the JavaScript value.
// `on_progress` is a function (a, b) or undefined.
Napi::Object start_job(Napi::Env env, Napi::Value on_progress, std::function<void(const JobControl&)> work,
                       std::function<Napi::Value(Napi::Env)> result);

}  // namespace collide::addon
