// optimalBins(values, weights, options, onProgress): cpu/clustering/optimal_bins.h as a job. Inputs are copied before
// the call returns.
#include "addon/learners/learner.h"
#include "addon/learners/learners.h"
#include "addon/names.h"
#include "cpu/clustering/optimal_bins.h"

namespace collide::addon {

namespace {

constexpr Names<BinSearch> kSearches({{"auto", BinSearch::kAutomatic},
                                      {"layers", BinSearch::kLayers},
                                      {"lagrangian", BinSearch::kLagrangian}});

Napi::Value to_js(Napi::Env env, const OptimalBins& bins) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("assignment", copied(env, "Uint32Array", bins.assignment));
  result.Set("cost", Napi::Number::New(env, bins.cost));
  return result;
}

Napi::Value optimal_bins(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto given = options_of(info, 2);
    const auto rows = static_cast<std::uint64_t>(integer(given, "rows"));
    const BinSearch search = named(given, "search", kSearches);
    return learner_job(
        info.Env(), given, info[3],
        [values = copy_of<double>(info[0], "values"), weights = copy_of<double>(info[1], "weights"), rows, search](
            const LearnerControl& control) { return collide::optimal_bins(values, weights, rows, control, search); },
        to_js);
  });
}

}  // namespace

void register_exact(Napi::Env env, Napi::Object exports) {
  exports.Set("optimalBins", Napi::Function::New(env, optimal_bins));
}

}  // namespace collide::addon
