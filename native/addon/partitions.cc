// The learners that cut an order of ids, as jobs: equalMass(keys, counts, options, onProgress) and
// kdTree(rows, counts, options, onProgress). Inputs are copied before the calls return.
#include <vector>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/cuda.h"
#include "addon/learner_job.h"
#include "cpu/clustering/equal_mass.h"
#include "cpu/clustering/kd_tree.h"

namespace collide::addon {

namespace {

MassOf mass_of(const std::string& name) {
  if (name == "sqrt") return MassOf::kSqrt;
  if (name == "cbrt") return MassOf::kCbrt;
  if (name == "one") return MassOf::kOne;
  fail("INVALID_ARGUMENT", "Expected sqrt, cbrt or one for mass, received ", name);
}

// learn(control) gives the row of each id.
template <typename Learn>
Napi::Value assignment_job(const Napi::CallbackInfo& info, const Napi::Object& options, Learn learn) {
  const auto threads = static_cast<unsigned>(integer(options, "threads"));
  return learner_job(
      info.Env(), info[3],
      [threads, learn = std::move(learn)](const JobControl& control) mutable {
        return learn({control.aborted, control.progress, threads});
      },
      [](Napi::Env env, const std::vector<std::uint32_t>& rows) { return copied(env, "Uint32Array", rows); });
}

Napi::Value equal_mass(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = options_of(info, 2);
    const auto rows = static_cast<std::uint64_t>(integer(options, "rows"));
    const MassOf mass = mass_of(text(options, "mass"));
    const bool on_cuda = text(options, "device") == "cuda";
    return assignment_job(info, options,
                          [keys = copy_of<double>(info[0], "keys"), counts = copy_of<double>(info[1], "counts"), rows,
                           mass, on_cuda](const LearnerControl& control) mutable {
                            if (!on_cuda)
                              return equal_mass_bins(std::move(keys), std::move(counts), rows, mass, control);
                            const auto masses = bin_masses(keys, std::move(counts), rows, mass, control.threads);
                            auto bins = cuda_equal_mass_bins(keys, masses, rows);
                            if (control.progress) control.progress(2, 2);
                            return bins;
                          });
  });
}

Napi::Value kd_tree(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = options_of(info, 2);
    const auto rows = static_cast<std::uint64_t>(integer(options, "rows"));
    const auto dim = static_cast<std::size_t>(integer(options, "dim"));
    const bool on_cuda = text(options, "device") == "cuda";
    return assignment_job(
        info, options,
        [points = copy_of<float>(info[0], "the teacher rows"), counts = copy_of<double>(info[1], "counts"), rows, dim,
         on_cuda](const LearnerControl& control) mutable {
          if (!on_cuda) return kd_tree_rows(std::move(points), dim, std::move(counts), rows, control);
          const auto masses = kd_tree_masses(points, dim, std::move(counts), rows, control.threads);
          return cuda_kd_tree_rows(points, dim, masses, rows, control);
        });
  });
}

}  // namespace

void register_partitions(Napi::Env env, Napi::Object exports) {
  exports.Set("equalMass", Napi::Function::New(env, equal_mass));
  exports.Set("kdTree", Napi::Function::New(env, kd_tree));
}

}  // namespace collide::addon
