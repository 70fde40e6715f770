// Random sets of tables and random batches for the tests of the CUDA lookups.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../native/packed_entries.h"
#include "core/embedding/layout.h"
#include "core/hashing/hash_function.h"
#include "core/support/portable.h"
#include "core/support/random.h"

namespace collide::testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(high64(mix64(seed_ ^ mix64(n_++)), n)); }
  template <typename T>
  T one_of(const std::vector<T>& list) {
    return list[below(static_cast<std::uint32_t>(list.size()))];
  }

 private:
  std::uint64_t seed_, n_ = 0;
};

inline HashFunction random_hash(Random& random, std::uint32_t cardinality) {
  const std::uint32_t rows = 1 + random.below(40);
  switch (random.below(7)) {
    case 0:
      return IdentityHash(cardinality);
    case 1:
      return ModuloHash(rows);
    case 2:
      return MixedHash(rows, random.below(1000));
    case 3: {
      const std::uint64_t divisor = 1 + random.below(5);
      return QuotientHash((cardinality + divisor - 1) / divisor, divisor);
    }
    case 4:
      return MixedRadixHash(rows, 1 + random.below(30));
    case 5: {
      const unsigned bits = 6 + random.below(27);
      const std::uint32_t codes = rows + random.below(2);  // the last may mean pruned
      std::vector<std::uint32_t> entries;
      for (std::uint32_t id = 0; id < cardinality; ++id) entries.push_back(random.below(codes));
      const auto packed = packed_entries(entries, bits);
      return TableHash::make(rows, bits, packed.data(), packed.size(), cardinality, "a test");
    }
    default: {
      std::vector<std::uint32_t> bitmap((cardinality + 31) / 32);
      for (std::uint32_t id = 0; id < cardinality; ++id) bitmap[id / 32] |= (random.below(4) == 0 ? 1u : 0u) << id % 32;
      const HotTail tail = random.below(2) == 1 ? HotTail::kMixed : HotTail::kModulo;
      return HotHash::make(cardinality + 1, bitmap.data(), bitmap.size(), tail, 3, cardinality, "a test");
    }
  }
}

inline EmbeddingLayout random_layout(Random& random) {
  std::vector<Feature> features;
  const std::uint32_t count = 1 + random.below(6);
  // All widths a multiple of 4 in some layouts: only then are packs of the output aligned.
  const std::vector<std::uint32_t> any = {1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 31, 64, 260}, fours = {4, 8, 16, 64, 1028};
  const bool aligned = random.below(2) == 1;
  for (std::uint32_t f = 0; f < count; ++f) {
    Feature feature;
    feature.name = "feature " + std::to_string(f);
    feature.cardinality = 1 + random.below(700);
    feature.pooling = random.one_of<Pooling>({Pooling::kSum, Pooling::kMean, Pooling::kNone});
    if (feature.pooling == Pooling::kNone) feature.sequence_length = 1 + random.below(9);
    const std::uint32_t hashes = 1 + random.below(3), width = random.one_of(aligned ? fours : any);
    feature.combine = random.one_of<Combine>({Combine::kSum, Combine::kConcat, Combine::kMultiply});
    feature.dim = feature.combine == Combine::kConcat ? width * hashes : width;
    feature.init_scale = 1;
    for (std::uint32_t h = 0; h < hashes; ++h) {
      feature.hashes.push_back(random_hash(random, static_cast<std::uint32_t>(feature.cardinality)));
    }
    features.push_back(std::move(feature));
  }
  return EmbeddingLayout(std::move(features));
}

struct Batch {
  std::vector<std::int32_t> indices;
  std::vector<std::uint32_t> offsets = {0};
  std::vector<float> weights;

  BagBatch view(std::size_t bags, bool weighted) const {
    BagBatch batch;
    batch.index_type = IntegerType::kI32;
    batch.indices = indices.data();
    batch.index_count = indices.size();
    batch.offsets = offsets.data();
    batch.batch = bags;
    batch.weights = weighted ? weights.data() : nullptr;
    return batch;
  }
};

inline Batch random_batch(Random& random, const EmbeddingLayout& layout, std::uint32_t size) {
  Batch batch;
  for (const Feature& feature : layout.features) {
    for (std::uint32_t bag = 0; bag < size; ++bag) {
      std::uint32_t length = random.one_of<std::uint32_t>({0, 1, 1, 2, 3, 4, 5, 9, 64, 65, 130});
      if (feature.pooling == Pooling::kNone) length = random.below(feature.sequence_length + 1);
      for (std::uint32_t i = 0; i < length; ++i) {
        const auto id = static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(feature.cardinality)));
        batch.indices.push_back(random.below(20) == 0 ? -id - 1 : id);  // some are bad
        batch.weights.push_back(static_cast<float>(random.below(2000)) / 999.0f - 1.0f);
      }
      batch.offsets.push_back(static_cast<std::uint32_t>(batch.indices.size()));
    }
  }
  return batch;
}

}  // namespace collide::testing
