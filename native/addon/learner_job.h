// A learner of the clustering library as a job (job.h).
#pragma once

#include <napi.h>

#include <memory>
#include <type_traits>
#include <utility>

#include "addon/addon.h"
#include "addon/job.h"
#include "core/support/error.h"

namespace collide::addon {

// The options, which come after `arrays` typed arrays; onProgress comes after them.
inline Napi::Object options_of(const Napi::CallbackInfo& info, std::size_t arrays) {
  if (info.Length() <= arrays || !info[arrays].IsObject()) {
    fail("INVALID_ARGUMENT", "Expected ", arrays, " arrays and options");
  }
  return info[arrays].As<Napi::Object>();
}

// learn(control) runs on the job's thread and gives a result, to_js(env, result) makes it a JavaScript value. `learn`
// owns copies of the inputs: it may consume them.
template <typename Learn, typename ToJs>
Napi::Value learner_job(Napi::Env env, const Napi::Value& on_progress, Learn learn, ToJs to_js) {
  struct Work {
    Learn learn;
    std::invoke_result_t<Learn&, const JobControl&> result;
  };
  // Shared, because a std::function must be copyable: the inputs must not be.
  auto work = std::make_shared<Work>(Work{std::move(learn), {}});
  const auto run = [work](const JobControl& control) { work->result = work->learn(control); };
  return start_job(env, on_progress, run, [work, to_js](Napi::Env now) { return to_js(now, work->result); });
}

inline Napi::Number number_of(Napi::Env env, std::uint64_t count) {
  return Napi::Number::New(env, static_cast<double>(count));
}

}  // namespace collide::addon
