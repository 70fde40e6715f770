// kmeans(points, counts, start, options, onProgress): cpu/clustering/kmeans.h as a job. `start` is undefined for the
// balanced kd-tree. Inputs are copied before the call returns.
#include "cpu/clustering/kmeans.h"

#include <optional>

#include "addon/cuda.h"
#include "addon/learners/learner.h"
#include "addon/learners/learners.h"
#include "addon/names.h"

namespace collide::addon {

namespace {

constexpr Names<KmeansWeight> kWeights({{"count", KmeansWeight::kCount},
                                        {"sqrt", KmeansWeight::kSqrt},
                                        {"uniform", KmeansWeight::kUniform}});

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

Napi::Value kmeans(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto given = options_of(info, 3);
    const auto dim = static_cast<std::size_t>(integer(given, "dim"));
    const KmeansOptions options = {static_cast<std::uint32_t>(integer(given, "rows")), named(given, "weight", kWeights),
                                   static_cast<std::uint64_t>(integer(given, "iterations"))};
    std::optional<std::vector<std::uint32_t>> start;
    if (!info[2].IsUndefined()) start = copy_of<std::uint32_t>(info[2], "start");
    return learner_job(
        info.Env(), given, info[4],
        [points = copy_of<float>(info[0], "points"), counts = copy_of<double>(info[1], "counts"),
         start = std::move(start), dim, options, cuda = on_cuda(given)](const LearnerControl& control) mutable {
          if (start) {
            check_kmeans(points, dim, counts, *start, options);
          } else {
            start = kd_tree_on(cuda, points, dim, counts, options.rows, {control.aborted, {}, control.threads});
            if (control.aborted()) return KmeansClustering{};
          }
          return (cuda ? &cuda_kmeans : &collide::kmeans)(points, dim, counts, *start, options, control);
        },
        to_js);
  });
}

}  // namespace

void register_k_means(Napi::Env env, Napi::Object exports) {
  exports.Set("kmeans", Napi::Function::New(env, kmeans));
}

}  // namespace collide::addon
