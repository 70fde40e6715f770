// Memory for the outputs of lookups that is used again. An array from JavaScript's own allocator is fresh zeroed memory
// in small pages at every call; its page faults cost several times the lookup.
//
// A block of memory, in huge pages where it is large, backs one ArrayBuffer at a time. It is free again when that
// buffer has been collected, which a weak reference shows at once, or given back, which detaches it. A loop that keeps
// no output goes round in kInUse bytes of blocks: beyond, V8 is made to collect its young objects (some 0.1 ms).
#pragma once

#include <napi.h>

#include <cstddef>
#include <list>

#include "core/support/memory.h"

namespace collide::addon {

class Outputs {
 public:
  // A Float32Array of `count` values, which are anything, on a 64-byte boundary. Undefined where V8 takes no memory of
  // others. Throws Error OUT_OF_MEMORY.
  Napi::Value take(Napi::Env env, std::size_t count);
  // Detaches the buffer of an array that take() gave, for its memory to be used again. False for any other array.
  bool give_back(Napi::Env env, const Napi::Float32Array& array);

 private:
  struct Block {
    Memory memory;
    Napi::Reference<Napi::ArrayBuffer> buffer;  // weak
    bool free = true;
  };
  using Blocks = std::list<Block>;

  Blocks::iterator find(std::size_t bytes);
  void collect(Napi::Env env);
  void reclaim(Napi::Env env);
  void release(Napi::Env env, Block& block);
  void trim(Napi::Env env, std::size_t bytes);

  Blocks blocks_;           // the one used last comes first
  std::size_t in_use_ = 0;  // bytes
  std::size_t free_ = 0;    // bytes
};

void register_outputs(Napi::Env env, Napi::Object exports);

}  // namespace collide::addon
