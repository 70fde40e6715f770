// What a set of embedding tables looks like: features, their hash functions and internal tables, and where each writes
// into the output. Both backends read this one description.
//
// A feature with H hash functions has H internal tables. combine sum: each is [rows, dim] and the H looked-up rows add
// up; concat: each is [rows, dim / H] and they stand side by side. Pooling none writes sequence_length positions of dim
// columns per bag, zero padded. Output: [batch, output_width], features in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/hash_function.h"

namespace collide {

enum class Pooling : std::uint8_t { kSum, kMean, kNone };
// Bags of more ids are summed in float64: a long float32 sum would lose exactness. One rule for CPU and CUDA.
inline constexpr std::size_t kLongBag = 64;

enum class Combine : std::uint8_t { kSum, kConcat };

struct Feature {
  std::string name;
  std::uint64_t cardinality = 0;
  std::uint32_t dim = 0;
  Pooling pooling = Pooling::kSum;
  std::uint32_t sequence_length = 1;
  Combine combine = Combine::kSum;
  std::vector<HashFunction> hashes;
  float init_scale = 0;  // initial values are uniform in [-init_scale, init_scale)

  std::uint32_t table_width() const {
    return combine == Combine::kConcat ? dim / static_cast<std::uint32_t>(hashes.size()) : dim;
  }
  std::uint32_t output_width() const { return dim * sequence_length; }
};

struct EmbeddingLayout {
  std::vector<Feature> features;
  std::vector<std::size_t> output_offset;  // first output column of each feature
  std::size_t output_width = 0;

  // Throws Error INVALID_ARGUMENT naming the feature and what is wrong with it.
  explicit EmbeddingLayout(std::vector<Feature> list);
};

// One batch of bags, feature-major: bag b of feature f is indices[offsets[f * batch + b] .. offsets[f * batch + b +
// 1]).
struct BagBatch {
  enum class IndexType : std::uint8_t { kU32, kI32, kI64 } index_type = IndexType::kU32;
  const void* indices = nullptr;
  std::size_t index_count = 0;
  const std::uint32_t* offsets = nullptr;  // [features * batch + 1]
  std::size_t batch = 0;
  const float* weights = nullptr;  // one per index, or null
};

}  // namespace collide
