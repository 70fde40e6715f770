// equalMass(keys, counts, options, onProgress): the bins of cpu/clustering/equal_mass.h as a job. Inputs are copied
// before the call returns.
#include "cpu/clustering/equal_mass.h"
#include "addon/cuda.h"
#include "addon/learners/learner.h"
#include "addon/learners/learners.h"
#include "addon/names.h"

namespace collide::addon {

namespace {

constexpr Names<MassOf> kMasses({{"sqrt", MassOf::kSqrt}, {"cbrt", MassOf::kCbrt}, {"one", MassOf::kOne}});

std::vector<std::uint32_t> bins_on_cuda(std::vector<double> keys, std::vector<double> counts, std::uint64_t rows,
                                        MassOf mass, const LearnerControl& control) {
  const auto masses = bin_masses(keys, std::move(counts), rows, mass, control.threads);
  auto bins = cuda_equal_mass_bins(keys, masses, rows);
  if (control.progress) control.progress(2, 2);
  return bins;
}

Napi::Value equal_mass(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = options_of(info, 2);
    const auto rows = static_cast<std::uint64_t>(integer(options, "rows"));
    const MassOf mass = named(options, "mass", kMasses);
    const auto run = on_cuda(options) ? &bins_on_cuda : &equal_mass_bins;
    return assignment_job(info.Env(), options, info[3],
                          [keys = copy_of<double>(info[0], "keys"), counts = copy_of<double>(info[1], "counts"), rows,
                           mass, run](const LearnerControl& control) mutable {
                            return run(std::move(keys), std::move(counts), rows, mass, control);
                          });
  });
}

}  // namespace

void register_equal_mass(Napi::Env env, Napi::Object exports) {
  exports.Set("equalMass", Napi::Function::New(env, equal_mass));
}

}  // namespace collide::addon
