// Reads an optimizer of lib/native.ts, { kind, options: { NAME: number } }, into the variant of its kinds: its name and
// its options are those that the kind's header has, and all of them are there.
#pragma once

#include <napi.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "addon/addon.h"
#include "core/support/named_kinds.h"

namespace collide::addon {

// Throws Error INVALID_ARGUMENT.
template <typename Variant>
Variant read_optimizer(const Napi::Object& object, const char* what) {
  Variant optimizer = named_kind<Variant>(text(object, "kind"), what);
  if (!object.Get("options").IsObject()) fail("INVALID_ARGUMENT", "Expected an object for the options of ", what);
  const auto options = object.Get("options").As<Napi::Object>();
  std::vector<std::string> known;
  const auto read = [&](const char* name) {
    known.emplace_back(name);
    return number(options, name);
  };
  std::visit([&](auto& kind) { kind.read_options(read); }, optimizer);
  const Napi::Array names = options.GetPropertyNames();
  for (std::uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      fail("INVALID_ARGUMENT", "Expected options that ", what, " \"", text(object, "kind"), "\" has, received \"", name,
           "\"");
    }
  }
  return optimizer;
}

}  // namespace collide::addon
