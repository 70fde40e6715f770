#include "addon/outputs.h"

#include <algorithm>
#include <cstdint>

#include "addon/addon.h"

namespace collide::addon {

namespace {

// Two of V8's largest half spaces: with this much in buffers of young objects, the next buffer makes it collect them.
constexpr std::size_t kInUse = std::size_t{32} << 20;
// Free blocks that are kept, besides two of the size wanted last.
constexpr std::size_t kFree = std::size_t{64} << 20;

// V8 is told of a block's memory once, when it is made, and not of every buffer upon it: it would take each for new
// memory, and soon collect everything. V8 itself adds the bytes of a buffer, and takes them off when that is gone.
void tell_more(Napi::Env env, std::size_t bytes) {
  Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<std::int64_t>(bytes));
}
void tell_less(Napi::Env env, std::size_t bytes) {
  Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<std::int64_t>(bytes));
}

}  // namespace

// The free block that was used last, and so is likeliest to be in the caches, of those that fit and waste little.
Outputs::Blocks::iterator Outputs::find(std::size_t bytes) {
  return std::find_if(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    return block.free && block.memory.bytes() >= bytes && block.memory.bytes() / 2 <= bytes;
  });
}

void Outputs::release(Napi::Env env, Block& block) {
  block.free = true;
  block.buffer.Reset();
  in_use_ -= block.memory.bytes();
  free_ += block.memory.bytes();
  tell_more(env, block.memory.bytes());
}

// Frees the blocks whose buffers were collected.
void Outputs::reclaim(Napi::Env env) {
  const Napi::HandleScope scope(env);
  for (Block& block : blocks_) {
    if (!block.free && block.buffer.Value().IsEmpty()) release(env, block);
  }
}

// Frees blocks, and asks V8 to collect where they come to kInUse; it does nothing where that is of old objects.
void Outputs::collect(Napi::Env env) {
  reclaim(env);
  if (in_use_ < kInUse) return;
  {
    const Napi::HandleScope scope(env);
    Napi::ArrayBuffer::New(env, 8);  // see kInUse
  }
  reclaim(env);
}

// Drops free blocks that have not been used for longest, until few bytes are left in them.
void Outputs::trim(Napi::Env env, std::size_t bytes) {
  for (auto block = blocks_.end(); block != blocks_.begin() && free_ > kFree + 2 * bytes;) {
    --block;
    if (!block->free) continue;
    free_ -= block->memory.bytes();
    tell_less(env, block->memory.bytes());
    block = blocks_.erase(block);
  }
}

Napi::Value Outputs::take(Napi::Env env, std::size_t count) {
  const std::size_t bytes = count * sizeof(float);
  auto block = find(bytes);
  if (block == blocks_.end()) {
    collect(env);
    block = find(bytes);
  }
  if (block == blocks_.end()) {
    blocks_.push_front({Memory(bytes, "an output"), {}, true});
    block = blocks_.begin();
    free_ += bytes;
    tell_more(env, bytes);
  }
  blocks_.splice(blocks_.begin(), blocks_, block);
  const std::size_t size = block->memory.bytes();
  napi_value buffer = nullptr;
  tell_less(env, size);
  // As long as the buffer itself: V8 counts its bytes.
  const napi_status status = napi_create_external_arraybuffer(
      env, block->memory.as<void>(), size, [](napi_env, void*, void*) {}, nullptr, &buffer);
  if (status != napi_ok) {
    tell_more(env, size);
    return env.Undefined();
  }
  block->free = false;
  free_ -= size;
  in_use_ += size;
  block->buffer = Napi::Reference<Napi::ArrayBuffer>::New(Napi::ArrayBuffer(env, buffer), 0);
  trim(env, bytes);
  return Napi::Float32Array::New(env, count, Napi::ArrayBuffer(env, buffer), 0);
}

bool Outputs::give_back(Napi::Env env, const Napi::Float32Array& array) {
  const Napi::HandleScope scope(env);
  for (Block& block : blocks_) {
    if (block.free) continue;
    Napi::ArrayBuffer buffer = block.buffer.Value();
    if (buffer.IsEmpty() || !buffer.StrictEquals(array.ArrayBuffer())) continue;
    buffer.Detach();
    release(env, block);
    return true;
  }
  return false;
}

void register_outputs(Napi::Env env, Napi::Object exports) {
  exports.Set("takeOutput", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return guarded(info.Env(), [&]() -> Napi::Value {
                  const double count = info[0].As<Napi::Number>().DoubleValue();
                  return state(info.Env()).outputs.take(info.Env(), static_cast<std::size_t>(count));
                });
              }));
  exports.Set("giveOutputBack", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                Outputs& outputs = state(info.Env()).outputs;
                return Napi::Boolean::New(info.Env(), outputs.give_back(info.Env(), info[0].As<Napi::Float32Array>()));
              }));
}

}  // namespace collide::addon
