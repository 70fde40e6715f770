// agglomerate(values, counts, options, onProgress): the clustering of cpu/agglomerate.h as a job. Inputs are copied
// before the call returns, so the caller's buffers may be transferred or changed at once.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "addon/addon.h"
#include "addon/job.h"
#include "cpu/agglomerate.h"

namespace collide::addon {

namespace {

FilterBy filter_by(const std::string& name) {
  if (name == "frequency") return FilterBy::kFrequency;
  if (name == "distance") return FilterBy::kDistance;
  if (name == "size") return FilterBy::kSize;
  fail("INVALID_ARGUMENT", "Expected frequency, distance or size for a filter, received ", name);
}

AgglomerateOptions read_options(const Napi::Object& object) {
  AgglomerateOptions options;
  options.rows = static_cast<std::uint64_t>(integer(object, "rows"));
  options.merges_per_round = static_cast<std::uint64_t>(integer(object, "mergesPerRound"));
  options.max_cluster_size = static_cast<std::uint64_t>(integer(object, "maxClusterSize"));
  options.count_weighted = text(object, "mergedValue") == "count-weighted";
  const Napi::Value filters = object.Get("filters");
  if (!filters.IsArray()) fail("INVALID_ARGUMENT", "Expected an array for filters");
  const auto list = filters.As<Napi::Array>();
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value filter = list.Get(i);
    if (!filter.IsObject()) fail("INVALID_ARGUMENT", "Expected an object for filters[", i, "]");
    const auto step = filter.As<Napi::Object>();
    options.filters.push_back({filter_by(text(step, "by")), number(step, "keep")});
  }
  return options;
}

template <typename Array, typename T>
Napi::Value copied(Napi::Env env, const std::vector<T>& values) {
  auto array = Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

Napi::Value to_js(Napi::Env env, const Clustering& clustering) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("assignment", copied<Napi::Uint32Array>(env, clustering.assignment));
  result.Set("values", copied<Napi::Float64Array>(env, clustering.values));
  result.Set("sizes", copied<Napi::Uint32Array>(env, clustering.sizes));
  result.Set("counts", copied<Napi::Float64Array>(env, clustering.counts));
  result.Set("rounds", Napi::Number::New(env, static_cast<double>(clustering.rounds)));
  result.Set("fallbackRounds", Napi::Number::New(env, static_cast<double>(clustering.fallback_rounds)));
  result.Set("splitRounds", Napi::Number::New(env, static_cast<double>(clustering.split_rounds)));
  return result;
}

Napi::Value agglomerate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    struct Work {
      std::vector<double> values, counts;
      AgglomerateOptions options;
      unsigned threads;
      Clustering result;
    };
    if (info.Length() < 3 || !info[2].IsObject()) fail("INVALID_ARGUMENT", "Expected values, counts and options");
    const auto values = view<double>(info[0], "values");
    const auto counts = view<double>(info[1], "counts");
    auto work = std::make_shared<Work>();
    work->options = read_options(info[2].As<Napi::Object>());
    work->threads = static_cast<unsigned>(integer(info[2].As<Napi::Object>(), "threads"));
    work->values.assign(values.data, values.data + values.length);
    work->counts.assign(counts.data, counts.data + counts.length);
    const auto run = [work](const JobControl& control) {
      work->result = collide::agglomerate(std::move(work->values), std::move(work->counts), work->options,
                                          {control.aborted, control.progress, work->threads});
    };
    return start_job(info.Env(), info[3], run, [work](Napi::Env env) { return to_js(env, work->result); });
  });
}

}  // namespace

void register_clustering(Napi::Env env, Napi::Object exports) {
  exports.Set("agglomerate", Napi::Function::New(env, agglomerate));
}

}  // namespace collide::addon
