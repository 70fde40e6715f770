// One-dimensional views of teacher rows, as jobs: principal(rows, counts, options) of cpu/clustering/principal.h, and
// hilbertKeys(rows, options) of cpu/clustering/hilbert.h. Inputs are copied before the calls return.
#include <vector>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/learner_job.h"
#include "cpu/clustering/hilbert.h"
#include "cpu/clustering/principal.h"

namespace collide::addon {

namespace {

struct Principal {
  PrincipalAxes axes;
  std::vector<double> projection;
  std::vector<float> rotation;
};

Napi::Value to_js(Napi::Env env, const Principal& principal) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("mean", copied(env, "Float64Array", principal.axes.mean));
  result.Set("axes", copied(env, "Float64Array", principal.axes.axes));
  result.Set("variances", copied(env, "Float64Array", principal.axes.variances));
  result.Set("projection", copied(env, "Float64Array", principal.projection));
  result.Set("rotation", copied(env, "Float32Array", principal.rotation));
  return result;
}

// options.components are made; options.output says what of the rows is wanted, too: `axes` (nothing), their
// `projection` along the last of the components, or their `rotation` to all of them.
Napi::Value principal(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = options_of(info, 2);
    const auto dim = static_cast<std::size_t>(integer(options, "dim"));
    const auto components = static_cast<std::size_t>(integer(options, "components"));
    const auto threads = static_cast<unsigned>(integer(options, "threads"));
    return learner_job(
        info.Env(), info.Env().Undefined(),
        [points = copy_of<float>(info[0], "the teacher rows"), counts = copy_of<double>(info[1], "counts"), dim,
         components, threads, output = text(options, "output")](const JobControl& job) {
          const LearnerControl control{job.aborted, {}, threads};
          Principal result{principal_axes(points, dim, counts, components, control), {}, {}};
          if (job.aborted()) return result;
          if (output == "projection") result.projection = projected(points, result.axes, components - 1, control);
          if (output == "rotation") result.rotation = rotated(points, result.axes, control);
          return result;
        },
        [](Napi::Env env, const Principal& result) { return to_js(env, result); });
  });
}

Napi::Value hilbert(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = options_of(info, 1);
    const auto dim = static_cast<std::size_t>(integer(options, "dim"));
    const auto threads = static_cast<unsigned>(integer(options, "threads"));
    return learner_job(
        info.Env(), info.Env().Undefined(),
        [rows = copy_of<float>(info[0], "the teacher rows"), dim, threads](const JobControl& job) {
          return hilbert_keys(rows, dim, {job.aborted, {}, threads});
        },
        [](Napi::Env env, const std::vector<double>& keys) { return copied(env, "Float64Array", keys); });
  });
}

}  // namespace

void register_projections(Napi::Env env, Napi::Object exports) {
  exports.Set("hilbertKeys", Napi::Function::New(env, hilbert));
  exports.Set("principal", Napi::Function::New(env, principal));
}

}  // namespace collide::addon
