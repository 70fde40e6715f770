// Learners as jobs: kmeans(points, counts, start, options, onProgress) of cpu/kmeans.h and lsh(points, directions,
// offsets, options, onProgress) of cpu/lsh.h. Inputs are copied before a call returns, so the caller's buffers may be
// transferred or changed at once.
#include <memory>
#include <vector>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/job.h"
#include "cpu/kmeans.h"
#include "cpu/lsh.h"
#include "cpu/optimal_bins.h"

namespace collide::addon {

namespace {

template <typename T>
std::vector<T> copy_of(const Napi::Value& value, const char* where) {
  const auto source = view<T>(value, where);
  return {source.data, source.data + source.length};
}

Napi::Value number_of(Napi::Env env, std::uint64_t count) {
  return Napi::Number::New(env, static_cast<double>(count));
}

Napi::Object options_of(const Napi::CallbackInfo& info, std::size_t arrays) {
  if (info.Length() <= arrays || !info[arrays].IsObject()) {
    fail("INVALID_ARGUMENT", "Expected ", arrays, " arrays and options");
  }
  return info[arrays].As<Napi::Object>();
}

KmeansWeight weight_named(const std::string& name) {
  if (name == "count") return KmeansWeight::kCount;
  if (name == "sqrt") return KmeansWeight::kSqrt;
  if (name == "uniform") return KmeansWeight::kUniform;
  fail("INVALID_ARGUMENT", "Expected count, sqrt or uniform for weight, received ", name);
}

Napi::Value to_js(Napi::Env env, const KmeansClustering& clustering) {
  const auto& [assignment, centroids, sizes, counts, distortion, iterations, moved] = clustering;
  Napi::Object result = Napi::Object::New(env);
  result.Set("assignment", copied(env, "Uint32Array", assignment.data(), assignment.size()));
  result.Set("centroids", copied(env, "Float64Array", centroids.data(), centroids.size()));
  result.Set("sizes", copied(env, "Uint32Array", sizes.data(), sizes.size()));
  result.Set("counts", copied(env, "Float64Array", counts.data(), counts.size()));
  result.Set("distortion", Napi::Number::New(env, distortion));
  result.Set("iterations", number_of(env, iterations));
  result.Set("moved", number_of(env, moved));
  return result;
}

Napi::Value kmeans(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    struct Work {
      std::vector<float> points;
      std::vector<double> counts;
      std::vector<std::uint32_t> start;
      std::size_t dim;
      KmeansOptions options;
      KmeansClustering result;
    };
    const auto given = options_of(info, 3);
    auto work = std::make_shared<Work>();
    work->dim = static_cast<std::size_t>(integer(given, "dim"));
    work->options.rows = static_cast<std::uint32_t>(integer(given, "rows"));
    work->options.weight = weight_named(text(given, "weight"));
    work->options.iterations = static_cast<std::uint64_t>(integer(given, "iterations"));
    work->options.threads = static_cast<unsigned>(integer(given, "threads"));
    work->points = copy_of<float>(info[0], "points");
    work->counts = copy_of<double>(info[1], "counts");
    work->start = copy_of<std::uint32_t>(info[2], "start");
    const auto run = [work](const JobControl& control) {
      work->result = collide::kmeans(work->points, work->dim, work->counts, work->start, work->options,
                                     {control.aborted, control.progress});
    };
    return start_job(info.Env(), info[4], run, [work](Napi::Env env) { return to_js(env, work->result); });
  });
}

Napi::Value lsh(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    struct Work {
      std::vector<float> points;
      std::vector<double> directions, offsets;
      std::size_t dim;
      LshOptions options;
      LshClustering result;
    };
    const auto given = options_of(info, 3);
    auto work = std::make_shared<Work>();
    work->dim = static_cast<std::size_t>(integer(given, "dim"));
    work->options.rows = static_cast<std::uint32_t>(integer(given, "rows"));
    work->options.max_size = static_cast<std::uint64_t>(integer(given, "maxSize"));
    work->points = copy_of<float>(info[0], "points");
    work->directions = copy_of<double>(info[1], "directions");
    work->offsets = copy_of<double>(info[2], "offsets");
    const auto run = [work](const JobControl& control) {
      work->result = collide::lsh(work->points, work->dim, work->directions, work->offsets, work->options,
                                  {control.aborted, control.progress});
    };
    return start_job(info.Env(), info[4], run, [work](Napi::Env env) {
      const auto& [assignment, width, buckets, split_buckets] = work->result;
      Napi::Object result = Napi::Object::New(env);
      result.Set("assignment", copied(env, "Uint32Array", assignment.data(), assignment.size()));
      result.Set("width", Napi::Number::New(env, width));
      result.Set("buckets", number_of(env, buckets));
      result.Set("splitBuckets", number_of(env, split_buckets));
      return result;
    });
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
    struct Work {
      std::vector<double> values, weights;
      std::uint64_t rows;
      BinSearch search;
      OptimalBins result;
    };
    const auto given = options_of(info, 2);
    auto work = std::make_shared<Work>();
    work->rows = static_cast<std::uint64_t>(integer(given, "rows"));
    work->search = search_named(text(given, "search"));
    work->values = copy_of<double>(info[0], "values");
    work->weights = copy_of<double>(info[1], "weights");
    const auto run = [work](const JobControl& control) {
      work->result = collide::optimal_bins(work->values, work->weights, work->rows, {control.aborted, control.progress},
                                           work->search);
    };
    return start_job(info.Env(), info[3], run, [work](Napi::Env env) {
      const auto& [assignment, cost] = work->result;
      Napi::Object result = Napi::Object::New(env);
      result.Set("assignment", copied(env, "Uint32Array", assignment.data(), assignment.size()));
      result.Set("cost", Napi::Number::New(env, cost));
      return result;
    });
  });
}

}  // namespace

void register_learners(Napi::Env env, Napi::Object exports) {
  exports.Set("kmeans", Napi::Function::New(env, kmeans));
  exports.Set("lsh", Napi::Function::New(env, lsh));
  exports.Set("optimalBins", Napi::Function::New(env, optimal_bins));
}

}  // namespace collide::addon
