#include "addon/addon.h"

#include "addon/learners/learners.h"

namespace collide::addon {

EnvironmentState& state(Napi::Env env) {
  return *env.GetInstanceData<EnvironmentState>();
}

Napi::Value make_js_error(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::FunctionReference& error_class = state(env).error_class;
  if (error_class.IsEmpty()) {
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", code);
    return error.Value();
  }
  return error_class.New({Napi::String::New(env, code), Napi::String::New(env, message)});
}

void throw_js(Napi::Env env, const std::string& code, const std::string& message) {
  throw Napi::Error(env, make_js_error(env, code, message));
}

namespace {

template <typename T>
View<T> typed(const Napi::Value& value, napi_typedarray_type type, const char* name, const char* where) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    fail("INVALID_ARGUMENT", "Expected a ", name, " for ", where);
  }
  auto array = value.As<Napi::TypedArrayOf<T>>();
  return {array.Data(), array.ElementLength()};
}

Napi::Value property(const Napi::Object& object, const char* key) {
  Napi::Value value = object.Get(key);
  if (value.IsUndefined()) fail("INVALID_ARGUMENT", "Expected a value for ", key, ", received undefined");
  return value;
}

}  // namespace

template <>
View<float> view<float>(const Napi::Value& value, const char* where) {
  return typed<float>(value, napi_float32_array, "Float32Array", where);
}
template <>
View<double> view<double>(const Napi::Value& value, const char* where) {
  return typed<double>(value, napi_float64_array, "Float64Array", where);
}
template <>
View<std::uint32_t> view<std::uint32_t>(const Napi::Value& value, const char* where) {
  return typed<std::uint32_t>(value, napi_uint32_array, "Uint32Array", where);
}
template <>
View<std::uint8_t> view<std::uint8_t>(const Napi::Value& value, const char* where) {
  return typed<std::uint8_t>(value, napi_uint8_array, "Uint8Array", where);
}

double number(const Napi::Object& object, const char* key) {
  Napi::Value value = property(object, key);
  if (!value.IsNumber()) fail("INVALID_ARGUMENT", "Expected a number for ", key);
  return value.As<Napi::Number>().DoubleValue();
}
std::int64_t integer(const Napi::Object& object, const char* key) {
  return static_cast<std::int64_t>(number(object, key));
}
std::string text(const Napi::Object& object, const char* key) {
  Napi::Value value = property(object, key);
  if (!value.IsString()) fail("INVALID_ARGUMENT", "Expected a string for ", key);
  return value.As<Napi::String>().Utf8Value();
}
std::uint64_t seed(const Napi::Object& object, const char* key) {
  const Napi::Value value = property(object, key);
  bool lossless = false;
  const std::uint64_t found = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) fail("INVALID_ARGUMENT", "Expected an unsigned 64-bit BigInt for ", key);
  return found;
}
bool boolean(const Napi::Object& object, const char* key) {
  Napi::Value value = property(object, key);
  if (!value.IsBoolean()) fail("INVALID_ARGUMENT", "Expected a boolean for ", key);
  return value.As<Napi::Boolean>().Value();
}

namespace {

// initialize(CollideError): called once by lib/native.ts right after loading.
void initialize(const Napi::CallbackInfo& info) {
  state(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
}

Napi::Object load(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new EnvironmentState);
  exports.Set("initialize", Napi::Function::New(env, initialize));
  register_info(env, exports);
  register_outputs(env, exports);
  register_embedding(env, exports);
  register_projections(env, exports);
  for (const auto register_learner : kLearners) register_learner(env, exports);
  register_dense_net(env, exports);
  register_model_steps(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(learn_to_collide, load)

}  // namespace collide::addon
