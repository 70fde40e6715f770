// Prefetches of more than a cache line.
#pragma once

#include <cstddef>

#include "core/support/multiversion.h"

namespace collide {

constexpr std::size_t kLine = 64;  // bytes of a cache line

// Asks for `bytes` bytes, to be written or only read. Any address will do: a prefetch does not fault.
template <bool kWrite>
COLLIDE_INLINE void fetch(const void* from, std::size_t bytes) {
  for (std::size_t byte = 0; byte < bytes; byte += kLine) {
    __builtin_prefetch(static_cast<const char*>(from) + byte, kWrite ? 1 : 0);
  }
}

}  // namespace collide
