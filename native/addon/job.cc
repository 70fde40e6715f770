#include "addon/job.h"

#include <chrono>
#include <optional>
#include <utility>

#include "addon/addon.h"

namespace collide::addon {

// Owned by the JavaScript thread: made by start_job, destroyed by `settle` or at the environment's end, whichever comes
// first; either way after its thread was joined. Cleanup hooks run last in, first out: ours is added after the
// channel's own, so the thread is gone before its channel is.
class Job {
 public:
  Job(Napi::Env env, Napi::Value on_progress, std::function<void(const JobControl&)> work,
      std::function<Napi::Value(Napi::Env)> result)
      : work_(std::move(work)), result_(std::move(result)), deferred_(Napi::Promise::Deferred::New(env)) {
    reports_ = on_progress.IsFunction();
    const Napi::Function callback =
        reports_ ? on_progress.As<Napi::Function>() : Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
    channel_ = Channel::New(env, callback, "learn-to-collide job", 0, 1);
    napi_add_env_cleanup_hook(env, &Job::end_with_environment, this);
  }

  void start() {
    thread_ = std::thread([this] {
      run();
      // env is null when the environment ended before the call was delivered: the job is gone then.
      channel_.NonBlockingCall(this, [](Napi::Env env, Napi::Function, Job* job) {
        if (env != nullptr) job->settle(env);
      });
      channel_.Release();
    });
  }

  std::shared_ptr<std::atomic<bool>> abort_flag() const { return abort_; }
  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  using Channel = Napi::ThreadSafeFunction;
  struct Progress {
    double a, b;
  };

  static void end_with_environment(void* data) {
    const std::unique_ptr<Job> job(static_cast<Job*>(data));
    job->abort_->store(true, std::memory_order_relaxed);
    job->thread_.join();
  }

  void run() {
    JobControl control;
    control.aborted = [this] { return abort_->load(std::memory_order_relaxed); };
    control.progress = [this](double a, double b) {
      // At most 20 reports a second: a job of many short rounds must not flood the event loop.
      const auto now = std::chrono::steady_clock::now();
      untold_ = {a, b};
      if (now - last_report_ >= std::chrono::milliseconds(50)) tell(), last_report_ = now;
    };
    try {
      work_(control);
    } catch (const Error& error) {
      code_ = error.code, message_ = error.what();
    } catch (const std::bad_alloc&) {
      code_ = "OUT_OF_MEMORY", message_ = "Could not allocate memory for a work buffer";
    } catch (const std::exception& error) {
      code_ = "INVALID_ARGUMENT", message_ = error.what();
    }
    if (code_.empty() && control.aborted()) code_ = "ABORTED", message_ = "Stopped by the caller's AbortSignal";
    if (code_.empty()) tell();
  }

  // Passes the last report on, unless it was.
  void tell() {
    if (!reports_ || !untold_) return;
    auto* report = new Progress(*std::exchange(untold_, std::nullopt));
    const auto deliver = [](Napi::Env env, Napi::Function on_progress, Progress* r) {
      const std::unique_ptr<Progress> owned(r);
      if (env != nullptr) on_progress.Call({Napi::Number::New(env, r->a), Napi::Number::New(env, r->b)});
    };
    if (channel_.NonBlockingCall(report, deliver) != napi_ok) delete report;
  }

  void settle(Napi::Env env) {
    Napi::HandleScope scope(env);
    thread_.join();
    napi_remove_env_cleanup_hook(env, &Job::end_with_environment, this);
    const std::unique_ptr<Job> owned(this);
    if (!code_.empty()) {
      deferred_.Reject(make_js_error(env, code_, message_));
      return;
    }
    try {
      deferred_.Resolve(result_(env));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

  std::function<void(const JobControl&)> work_;
  std::function<Napi::Value(Napi::Env)> result_;
  Napi::Promise::Deferred deferred_;
  bool reports_ = false;
  Channel channel_;
  std::thread thread_;
  std::shared_ptr<std::atomic<bool>> abort_ = std::make_shared<std::atomic<bool>>(false);
  std::chrono::steady_clock::time_point last_report_{};
  std::optional<Progress> untold_;  // the last report, while it is held back
  std::string code_, message_;
};

Napi::Object start_job(Napi::Env env, Napi::Value on_progress, std::function<void(const JobControl&)> work,
                       std::function<Napi::Value(Napi::Env)> result) {
  auto job = std::make_unique<Job>(env, on_progress, std::move(work), std::move(result));
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", job->promise());
  // The flag is shared, so abort() after the job has ended touches nothing that is gone.
  handle.Set("abort", Napi::Function::New(env, [flag = job->abort_flag()](const Napi::CallbackInfo&) {
               flag->store(true, std::memory_order_relaxed);
             }));
  job.release()->start();
  return handle;
}

}  // namespace collide::addon
