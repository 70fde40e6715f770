// lsh(points, directions, offsets, options, onProgress): cpu/clustering/lsh.h as a job. Inputs are copied before the
// call returns.
#include "cpu/clustering/lsh.h"

#include "addon/learners/learner.h"
#include "addon/learners/learners.h"

namespace collide::addon {

namespace {

Napi::Value to_js(Napi::Env env, const LshClustering& clustering) {
  const auto& [assignment, width, buckets, split_buckets] = clustering;
  Napi::Object result = Napi::Object::New(env);
  result.Set("assignment", copied(env, "Uint32Array", assignment));
  result.Set("width", Napi::Number::New(env, width));
  result.Set("buckets", number_of(env, buckets));
  result.Set("splitBuckets", number_of(env, split_buckets));
  return result;
}

Napi::Value lsh(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto given = options_of(info, 3);
    const auto dim = static_cast<std::size_t>(integer(given, "dim"));
    const LshOptions options = {static_cast<std::uint32_t>(integer(given, "rows")),
                                static_cast<std::uint64_t>(integer(given, "maxSize"))};
    return learner_job(
        info.Env(), given, info[4],
        [points = copy_of<float>(info[0], "points"), directions = copy_of<double>(info[1], "directions"),
         offsets = copy_of<double>(info[2], "offsets"), dim, options](const LearnerControl& control) {
          return collide::lsh(points, dim, directions, offsets, options, control);
        },
        to_js);
  });
}

}  // namespace

void register_lsh(Napi::Env env, Napi::Object exports) {
  exports.Set("lsh", Napi::Function::New(env, lsh));
}

}  // namespace collide::addon
