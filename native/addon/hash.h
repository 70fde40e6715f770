// Reads one hash function of lib/native.ts (NativeHash) into the engine's form.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "core/hashing/hash_function.h"

namespace collide::addon {

// Copies the arrays and checks them; throws Error INVALID_ARGUMENT naming `where`.
HashFunction read_hash(const Napi::Object& object, std::uint64_t cardinality, const std::string& where);

}  // namespace collide::addon
