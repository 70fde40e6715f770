// What every addon file shares: the per-environment state, error conversion and argument readers. N-API only.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <system_error>

#include "addon/outputs.h"
#include "core/support/error.h"

namespace collide {
class DenseNet;
class EmbeddingEngine;
}  // namespace collide

namespace collide::addon {

// One per Node environment (main thread or worker_thread): nothing of the addon is global.
struct EnvironmentState {
  Napi::FunctionReference error_class;  // CollideError of lib/errors.ts
  Outputs outputs;
};

EnvironmentState& state(Napi::Env env);

// Throws the JavaScript CollideError(code, message).
[[noreturn]] void throw_js(Napi::Env env, const std::string& code, const std::string& message);
Napi::Value make_js_error(Napi::Env env, const std::string& code, const std::string& message);

// Runs body and turns collide::Error and std::bad_alloc into CollideError. Every exported function wraps its body in
// it.
template <typename Body>
auto guarded(Napi::Env env, const Body& body) {
  try {
    return body();
  } catch (const Error& error) {
    throw_js(env, error.code, error.what());
  } catch (const std::bad_alloc&) {
    throw_js(env, "OUT_OF_MEMORY", "Could not allocate memory for a work buffer");
  } catch (const std::system_error& error) {
    throw_js(env, "OUT_OF_MEMORY", std::string("Could not start a thread: ") + error.what());
  }
}

// A typed array's elements in place, valid for the duration of the call only. T is exact: float wants a Float32Array.
template <typename T>
struct View {
  T* data = nullptr;
  std::size_t length = 0;
};
template <typename T>
View<T> view(const Napi::Value& value, const char* where);  // throws Error INVALID_ARGUMENT on another type
template <>
View<float> view<float>(const Napi::Value& value, const char* where);
template <>
View<double> view<double>(const Napi::Value& value, const char* where);
template <>
View<std::uint32_t> view<std::uint32_t>(const Napi::Value& value, const char* where);
template <>
View<std::uint8_t> view<std::uint8_t>(const Napi::Value& value, const char* where);

// Property readers for the plain objects that lib/ hands down (lib/ has checked and completed them).
double number(const Napi::Object& object, const char* key);
std::int64_t integer(const Napi::Object& object, const char* key);
std::string text(const Napi::Object& object, const char* key);
bool boolean(const Napi::Object& object, const char* key);
// Of 64 bits without a sign, as checkSeed of lib/errors.ts gives it.
std::uint64_t seed(const Napi::Object& object, const char* key);

// The engines of objects of the classes EmbeddingTables and DenseNet. Throw Error CLOSED.
EmbeddingEngine& engine_of(const Napi::Object& tables);
DenseNet& engine_of_net(const Napi::Object& net);

// Each addon file registers its exports.
void register_embedding(Napi::Env env, Napi::Object exports);
void register_projections(Napi::Env env, Napi::Object exports);
void register_dense_net(Napi::Env env, Napi::Object exports);
void register_model_steps(Napi::Env env, Napi::Object exports);
void register_info(Napi::Env env, Napi::Object exports);

}  // namespace collide::addon
