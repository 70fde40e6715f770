// kdTree(rows, counts, options, onProgress): the tree of cpu/clustering/kd_tree.h as a job. Inputs are copied before
// the call returns.
#include "cpu/clustering/kd_tree.h"

#include "addon/cuda.h"
#include "addon/learners/learner.h"
#include "addon/learners/learners.h"
#include "addon/names.h"

namespace collide::addon {

std::vector<std::uint32_t> kd_tree_on(bool cuda, const std::vector<float>& points, std::size_t dim,
                                      std::vector<double> counts, std::uint64_t rows, const LearnerControl& control) {
  const auto masses = kd_tree_masses(points, dim, std::move(counts), rows, control.threads);
  return (cuda ? &cuda_kd_tree_cells : &kd_tree_cells)(points, dim, masses, rows, control);
}

namespace {

Napi::Value kd_tree(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = options_of(info, 2);
    const auto rows = static_cast<std::uint64_t>(integer(options, "rows"));
    const auto dim = static_cast<std::size_t>(integer(options, "dim"));
    return assignment_job(
        info.Env(), options, info[3],
        [points = copy_of<float>(info[0], "the teacher rows"), counts = copy_of<double>(info[1], "counts"), rows, dim,
         cuda = on_cuda(options)](const LearnerControl& control) mutable {
          return kd_tree_on(cuda, points, dim, std::move(counts), rows, control);
        });
  });
}

}  // namespace

void register_kd_tree(Napi::Env env, Napi::Object exports) {
  exports.Set("kdTree", Napi::Function::New(env, kd_tree));
}

}  // namespace collide::addon
