// Words in what JavaScript hands down, as the enumerators they stand for.
#pragma once

#include <napi.h>

#include "addon/addon.h"
#include "core/support/names.h"

namespace collide::addon {

// The value of object[key]. Throws Error INVALID_ARGUMENT that names the words there are.
template <typename Enum>
Enum named(const Napi::Object& object, const char* key, const Names<Enum>& names) {
  return names.value(text(object, key), key);
}

enum class Device { kCpu, kCuda };
inline constexpr Names<Device> kDevices({{"cpu", Device::kCpu}, {"cuda", Device::kCuda}});

// Whether options.device is the CUDA device rather than the CPU.
inline bool on_cuda(const Napi::Object& options) {
  return named(options, "device", kDevices) == Device::kCuda;
}

}  // namespace collide::addon
