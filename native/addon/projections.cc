// One-dimensional views of teacher rows, as jobs: principal(rows, counts, options) of cpu/clustering/principal.h, and
// hilbertKeys(rows, options) of cpu/clustering/hilbert.h. Inputs are copied before the calls return.
#include <vector>

#include "addon/learners/learner.h"
#include "addon/names.h"
#include "cpu/clustering/hilbert.h"
#include "cpu/clustering/principal.h"

namespace collide::addon {

namespace {

// What is made of the rows beside the axes: nothing, their projection along the last component, or their rotation to
// all.
enum class Output { kAxes, kProjection, kRotation };
constexpr Names<Output> kOutputs({{"axes", Output::kAxes},
                                  {"projection", Output::kProjection},
                                  {"rotation", Output::kRotation}});

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

// options.components are made, and options.output.
Napi::Value principal(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = options_of(info, 2);
    const auto dim = static_cast<std::size_t>(integer(options, "dim"));
    const auto components = static_cast<std::size_t>(integer(options, "components"));
    return learner_job(
        info.Env(), options, info.Env().Undefined(),
        [points = copy_of<float>(info[0], "the teacher rows"), counts = copy_of<double>(info[1], "counts"), dim,
         components, output = named(options, "output", kOutputs)](const LearnerControl& control) {
          Principal result{principal_axes(points, dim, counts, components, control), {}, {}};
          if (control.aborted()) return result;
          if (output == Output::kProjection) {
            result.projection = projected(points, result.axes, components - 1, control);
          } else if (output == Output::kRotation) {
            result.rotation = rotated(points, result.axes, control);
          }
          return result;
        },
        [](Napi::Env env, const Principal& result) { return to_js(env, result); });
  });
}

Napi::Value hilbert(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = options_of(info, 1);
    const auto dim = static_cast<std::size_t>(integer(options, "dim"));
    return learner_job(
        info.Env(), options, info.Env().Undefined(),
        [rows = copy_of<float>(info[0], "the teacher rows"), dim](const LearnerControl& control) {
          return hilbert_keys(rows, dim, control);
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
