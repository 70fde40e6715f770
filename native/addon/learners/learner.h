// A learner of the clustering library as a job (job.h): what the files beside this one share.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/job.h"
#include "core/clustering/learner_control.h"
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
// owns copies of the inputs: it may consume them. options.threads is for all learners.
template <typename Learn, typename ToJs>
Napi::Value learner_job(Napi::Env env, const Napi::Object& options, const Napi::Value& on_progress, Learn learn,
                        ToJs to_js) {
  struct Work {
    Learn learn;
    std::invoke_result_t<Learn&, const LearnerControl&> result;
  };
  const auto threads = static_cast<unsigned>(integer(options, "threads"));
  // Shared, because a std::function must be copyable: the inputs must not be.
  auto work = std::make_shared<Work>(Work{std::move(learn), {}});
  const auto run = [work, threads](const JobControl& job) {
    work->result = work->learn({job.aborted, job.progress, threads});
  };
  return start_job(env, on_progress, run, [work, to_js](Napi::Env now) { return to_js(now, work->result); });
}

// A learner that gives the cluster of each id and nothing else.
template <typename Learn>
Napi::Value assignment_job(Napi::Env env, const Napi::Object& options, const Napi::Value& on_progress, Learn learn) {
  return learner_job(env, options, on_progress, std::move(learn),
                     [](Napi::Env now, const auto& assignment) { return copied(now, "Uint32Array", assignment); });
}

inline Napi::Number number_of(Napi::Env env, std::uint64_t count) {
  return Napi::Number::New(env, static_cast<double>(count));
}

// The balanced kd-tree on a device: the learner, and where k-means starts. Checks points and counts.
std::vector<std::uint32_t> kd_tree_on(bool cuda, const std::vector<float>& points, std::size_t dim,
                                      std::vector<double> counts, std::uint64_t rows, const LearnerControl& control);

}  // namespace collide::addon
