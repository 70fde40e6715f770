// buildInfo() and probeCuda(): what `collide doctor` prints.
#include <string>

#include "addon/addon.h"
#include "addon/cuda.h"
#include "cpu/dense/gemm.h"
#include "cpu/support/thread_pool.h"

namespace collide::addon {

namespace {

Napi::Value build_info(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("napiVersion", Napi::Number::New(info.Env(), NAPI_VERSION));
  result.Set("compiler", Napi::String::New(info.Env(), __VERSION__));
  result.Set("blas", Napi::String::New(info.Env(), gemm_library()));
  result.Set("threads", Napi::Number::New(info.Env(), available_threads()));
  result.Set("cudaBuild", Napi::Boolean::New(info.Env(), cuda_built()));
  return result;
}

Napi::Value cuda_status(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const CudaProbe probe = probe_cuda();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("available", Napi::Boolean::New(info.Env(), probe.available));
    result.Set("reason", Napi::String::New(info.Env(), probe.reason));
    const auto version = [&](int number) -> Napi::Value {
      if (number == 0) return info.Env().Null();
      return Napi::String::New(info.Env(), std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10));
    };
    result.Set("driver", version(probe.driver));
    result.Set("runtime", version(probe.runtime));
    result.Set("architectures", Napi::String::New(info.Env(), probe.architectures));
    result.Set("needs", Napi::String::New(info.Env(), probe.needs));
    result.Set("launch", Napi::String::New(info.Env(), probe.launch));
    return result;
  });
}

}  // namespace

void register_info(Napi::Env env, Napi::Object exports) {
  exports.Set("buildInfo", Napi::Function::New(env, build_info));
  exports.Set("probeCuda", Napi::Function::New(env, cuda_status));
}

}  // namespace collide::addon
