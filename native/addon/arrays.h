// Typed arrays in and out: checked for type and length, read during the call only, made by JavaScript itself.
#pragma once

#include <napi.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "addon/addon.h"
#include "core/dense/net.h"
#include "core/embedding/layout.h"
#include "core/support/memory.h"

namespace collide::addon {

// The elements of an array of indices or offsets, of any of the three types.
struct Integers {
  IntegerType type;
  const void* data;
  std::size_t length;
};

inline Integers integers(const Napi::Value& value, const char* where) {
  if (value.IsTypedArray()) {
    const auto array = value.As<Napi::TypedArray>();
    switch (array.TypedArrayType()) {
      case napi_uint32_array:
        return {IntegerType::kU32, value.As<Napi::Uint32Array>().Data(), array.ElementLength()};
      case napi_int32_array:
        return {IntegerType::kI32, value.As<Napi::Int32Array>().Data(), array.ElementLength()};
      case napi_bigint64_array:
        return {IntegerType::kI64, value.As<Napi::BigInt64Array>().Data(), array.ElementLength()};
      default:
        break;
    }
  }
  fail("INVALID_ARGUMENT", "Expected a Uint32Array, Int32Array or BigInt64Array for ", where);
}

// The elements of an array of exactly `count`.
template <typename T>
View<T> view_of(const Napi::Value& value, std::size_t count, const char* what) {
  const auto source = view<T>(value, what);
  if (source.length != count) {
    fail("INVALID_ARGUMENT", "Expected ", count, " values for ", what, ", received ", source.length);
  }
  return source;
}

// The elements of a Float32Array of any length; T is float, or const float for what is only read.
template <typename T>
Span<T> span_of(const Napi::Value& value, const char* what) {
  const View<float> found = view<float>(value, what);
  return {found.data, found.length};
}

// A new typed array of JavaScript's own making, for `fill` to write into: one that it cannot allocate is an exception
// there, where napi_create_arraybuffer would end the process; so would touching more memory than there is.
template <typename T, typename Fill>
Napi::Value filled(Napi::Env env, const char* constructor, std::size_t count, const Fill& fill) {
  const auto refuse = [&] {
    fail("OUT_OF_MEMORY", "Could not allocate a ", constructor, " of ", count, " values (", count * sizeof(T),
         " bytes)");
  };
  if (count * sizeof(T) > available_memory()) refuse();
  Napi::Value array;
  try {
    array = env.Global().Get(constructor).As<Napi::Function>().New({Napi::Number::New(env, count)});
  } catch (const Napi::Error&) {
    refuse();
  }
  fill(array.As<Napi::TypedArrayOf<T>>().Data());
  return array;
}

template <typename T>
Napi::Value copied(Napi::Env env, const char* constructor, const T* values, std::size_t count) {
  return filled<T>(env, constructor, count, [&](T* out) { std::copy_n(values, count, out); });
}

template <typename T>
Napi::Value copied(Napi::Env env, const char* constructor, const std::vector<T>& values) {
  return copied(env, constructor, values.data(), values.size());
}

// The elements of a typed array as they are now, for work that goes on after the call.
template <typename T>
std::vector<T> copy_of(const Napi::Value& value, const char* what) {
  const auto source = view<T>(value, what);
  return {source.data, source.data + source.length};
}

}  // namespace collide::addon
