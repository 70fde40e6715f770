// agglomerate(values, counts, options, onProgress): the clustering of cpu/clustering/agglomerate.h as a job. Inputs are
// copied before the call returns, so the caller's buffers may be transferred or changed at once.
#include <vector>

#include "addon/cuda.h"
#include "addon/learners/learner.h"
#include "addon/learners/learners.h"
#include "addon/names.h"
#include "cpu/clustering/agglomerate.h"

namespace collide::addon {

namespace {

constexpr Names<FilterBy> kFilters({{"frequency", FilterBy::kFrequency},
                                    {"distance", FilterBy::kDistance},
                                    {"size", FilterBy::kSize}});

enum class MergedValue { kMean, kCountWeighted };
constexpr Names<MergedValue> kMergedValues({{"mean", MergedValue::kMean},
                                            {"count-weighted", MergedValue::kCountWeighted}});

AgglomerateOptions read_options(const Napi::Object& object) {
  AgglomerateOptions options;
  options.rows = static_cast<std::uint64_t>(integer(object, "rows"));
  options.merges_per_round = static_cast<std::uint64_t>(integer(object, "mergesPerRound"));
  options.max_cluster_size = static_cast<std::uint64_t>(integer(object, "maxClusterSize"));
  options.strict_size = object.Has("strictSize") && boolean(object, "strictSize");
  options.count_weighted = named(object, "mergedValue", kMergedValues) == MergedValue::kCountWeighted;
  const Napi::Value filters = object.Get("filters");
  if (!filters.IsArray()) fail("INVALID_ARGUMENT", "Expected an array for filters");
  const auto list = filters.As<Napi::Array>();
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value filter = list.Get(i);
    if (!filter.IsObject()) fail("INVALID_ARGUMENT", "Expected an object for filters[", i, "]");
    const auto step = filter.As<Napi::Object>();
    options.filters.push_back({named(step, "by", kFilters), number(step, "keep")});
  }
  return options;
}

Napi::Value to_js(Napi::Env env, const Clustering& clustering) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("assignment", copied(env, "Uint32Array", clustering.assignment));
  result.Set("values", copied(env, "Float64Array", clustering.values));
  result.Set("sizes", copied(env, "Uint32Array", clustering.sizes));
  result.Set("counts", copied(env, "Float64Array", clustering.counts));
  result.Set("rounds", number_of(env, clustering.rounds));
  result.Set("fallbackRounds", number_of(env, clustering.fallback_rounds));
  result.Set("splitRounds", number_of(env, clustering.split_rounds));
  return result;
}

Napi::Value agglomerate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto given = options_of(info, 2);
    const auto run = on_cuda(given) ? &cuda_agglomerate : &collide::agglomerate;
    return learner_job(
        info.Env(), given, info[3],
        [values = copy_of<double>(info[0], "values"), counts = copy_of<double>(info[1], "counts"),
         options = read_options(given), run](const LearnerControl& control) mutable {
          return run(std::move(values), std::move(counts), options, control);
        },
        to_js);
  });
}

}  // namespace

void register_agglomerative(Napi::Env env, Napi::Object exports) {
  exports.Set("agglomerate", Napi::Function::New(env, agglomerate));
}

}  // namespace collide::addon
