// Learners as jobs: kmeans(points, counts, start, options, onProgress) of cpu/clustering/kmeans.h, lsh(points,
// directions, offsets, options, onProgress) of cpu/clustering/lsh.h and optimalBins(values, weights, options,
// onProgress) of cpu/clustering/optimal_bins.h. Inputs are copied before a call returns, so the caller's buffers may be
// transferred or changed at once.
#include <vector>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/cuda.h"
#include "addon/learner_job.h"
#include "cpu/clustering/kmeans.h"
#include "cpu/clustering/lsh.h"
#include "cpu/clustering/optimal_bins.h"

namespace collide::addon {

namespace {

KmeansWeight weight_named(const std::string& name) {
  if (name == "count") return KmeansWeight::kCount;
  if (name == "sqrt") return KmeansWeight::kSqrt;
  if (name == "uniform") return KmeansWeight::kUniform;
  fail("INVALID_ARGUMENT", "Expected count, sqrt or uniform for weight, received ", name);
}

Napi::Value to_js(Napi::Env env, const KmeansClustering& clustering) {
  const auto& [assignment, centroids, sizes, counts, distortion, iterations, moved] = clustering;
  Napi::Object result = Napi::Object::New(env);
  result.Set("assignment", copied(env, "Uint32Array", assignment));
  result.Set("centroids", copied(env, "Float64Array", centroids));
  result.Set("sizes", copied(env, "Uint32Array", sizes));
  result.Set("counts", copied(env, "Float64Array", counts));
  result.Set("distortion", Napi::Number::New(env, distortion));
  result.Set("iterations", number_of(env, iterations));
  result.Set("moved", number_of(env, moved));
  return result;
}

Napi::Value to_js(Napi::Env env, const LshClustering& clustering) {
  const auto& [assignment, width, buckets, split_buckets] = clustering;
  Napi::Object result = Napi::Object::New(env);
  result.Set("assignment", copied(env, "Uint32Array", assignment));
  result.Set("width", Napi::Number::New(env, width));
  result.Set("buckets", number_of(env, buckets));
  result.Set("splitBuckets", number_of(env, split_buckets));
  return result;
}

Napi::Value to_js(Napi::Env env, const OptimalBins& bins) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("assignment", copied(env, "Uint32Array", bins.assignment));
  result.Set("cost", Napi::Number::New(env, bins.cost));
  return result;
}

constexpr auto kToJs = [](Napi::Env env, const auto& result) { return to_js(env, result); };

Napi::Value kmeans(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto given = options_of(info, 3);
    const auto dim = static_cast<std::size_t>(integer(given, "dim"));
    const KmeansOptions options = {
        static_cast<std::uint32_t>(integer(given, "rows")), weight_named(text(given, "weight")),
        static_cast<std::uint64_t>(integer(given, "iterations")), static_cast<unsigned>(integer(given, "threads"))};
    const auto run_on = text(given, "device") == "cuda" ? &cuda_kmeans : &collide::kmeans;
    return learner_job(
        info.Env(), info[4],
        [points = copy_of<float>(info[0], "points"), counts = copy_of<double>(info[1], "counts"),
         start = copy_of<std::uint32_t>(info[2], "start"), dim, options, run_on](const JobControl& control) {
          return run_on(points, dim, counts, start, options, {control.aborted, control.progress});
        },
        kToJs);
  });
}

Napi::Value lsh(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto given = options_of(info, 3);
    const auto dim = static_cast<std::size_t>(integer(given, "dim"));
    const LshOptions options = {static_cast<std::uint32_t>(integer(given, "rows")),
                                static_cast<std::uint64_t>(integer(given, "maxSize")),
                                static_cast<unsigned>(integer(given, "threads"))};
    return learner_job(
        info.Env(), info[4],
        [points = copy_of<float>(info[0], "points"), directions = copy_of<double>(info[1], "directions"),
         offsets = copy_of<double>(info[2], "offsets"), dim, options](const JobControl& control) {
          return collide::lsh(points, dim, directions, offsets, options, {control.aborted, control.progress});
        },
        kToJs);
  });
}

BinSearch search_named(const std::string& name) {
  if (name == "auto") return BinSearch::kAutomatic;
  if (name == "layers") return BinSearch::kLayers;
  if (name == "lagrangian") return BinSearch::kLagrangian;
  fail("INVALID_ARGUMENT", "Expected auto, layers or lagrangian for search, received ", name);
}

Napi::Value optimal_bins(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto given = options_of(info, 2);
    const auto rows = static_cast<std::uint64_t>(integer(given, "rows"));
    const BinSearch search = search_named(text(given, "search"));
    return learner_job(
        info.Env(), info[3],
        [values = copy_of<double>(info[0], "values"), weights = copy_of<double>(info[1], "weights"), rows,
         search](const JobControl& control) {
          return collide::optimal_bins(values, weights, rows, {control.aborted, control.progress}, search);
        },
        kToJs);
  });
}

}  // namespace

void register_learners(Napi::Env env, Napi::Object exports) {
  exports.Set("kmeans", Napi::Function::New(env, kmeans));
  exports.Set("lsh", Napi::Function::New(env, lsh));
  exports.Set("optimalBins", Napi::Function::New(env, optimal_bins));
}

}  // namespace collide::addon
