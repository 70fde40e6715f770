// Reads what lib/native.ts says of embedding tables (NativeEmbeddingConfig) into the engine's form, and writes what the
// engine made of it (NativeLayout).
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/embedding/engine.h"

namespace collide::addon {

struct EmbeddingConfig {
  std::vector<Feature> features;
  OptimizerSettings optimizer;
  BadIndex bad_index = BadIndex::kError;
  bool count_accesses = true, cuda = false;
  std::uint64_t seed = 0;
  unsigned threads = 0;
};

// Throws Error INVALID_ARGUMENT.
EmbeddingConfig read_embedding_config(const Napi::Object& object);

Napi::Object write_layout(Napi::Env env, const EmbeddingEngine& tables);

}  // namespace collide::addon
