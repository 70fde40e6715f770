// Row sources as lib/native.ts describes them (NativeSource): one that native code has, or one written in JavaScript.
#pragma once

#include <napi.h>

#include <memory>

#include "core/embedding/row_source.h"

namespace collide::addon {

// Throws Error INVALID_ARGUMENT.
std::shared_ptr<const RowSource> read_row_source(const Napi::Object& object);

}  // namespace collide::addon
