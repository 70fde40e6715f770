// Replays the CUDA lookup kernels on the host, thread by thread (threads share nothing, see cuda/lookup_thread.h), and
// compares every bit with the CPU engine on random sets of tables and random batches. No device is needed.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "core/random.h"
#include "cpu/embedding.h"
#include "cuda/lookup_plan.h"
#include "cuda/lookup_thread.h"

namespace {

using collide::CpuEmbedding;
using collide::HashFunction;
using collide::HashKind;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(collide::high64(collide::mix64(seed_ ^ collide::mix64(n_++)), n));
  }
  template <typename T>
  T one_of(const std::vector<T>& list) {
    return list[below(static_cast<std::uint32_t>(list.size()))];
  }

 private:
  std::uint64_t seed_, n_ = 0;
};

HashFunction random_hash(Random& random, std::uint32_t cardinality) {
  HashFunction hash;
  hash.rows = 1 + random.below(40);
  switch (random.below(6)) {
    case 0:
      hash.rows = cardinality;
      return hash;
    case 1:
      hash.kind = HashKind::kModulo;
      return hash;
    case 2:
      hash.kind = HashKind::kMixed;
      hash.seed = random.below(1000);
      return hash;
    case 3:
      hash.kind = HashKind::kQuotient;
      hash.divisor = 1 + random.below(5);
      hash.rows = (cardinality + hash.divisor - 1) / hash.divisor;
      return hash;
    case 4: {
      const unsigned bytes = 1 + random.below(4);
      std::vector<std::uint8_t> entries(std::size_t{cardinality} * bytes);
      for (std::size_t id = 0; id < cardinality; ++id) {
        entries[id * bytes] = static_cast<std::uint8_t>(random.below(static_cast<std::uint32_t>(hash.rows)));
      }
      return collide::make_table_hash(hash.rows, bytes, entries.data(), entries.size(), cardinality, "a test");
    }
    default: {
      std::vector<std::uint32_t> bitmap((cardinality + 31) / 32);
      for (std::uint32_t id = 0; id < cardinality; ++id) bitmap[id / 32] |= (random.below(4) == 0 ? 1u : 0u) << id % 32;
      return collide::make_hot_hash(cardinality + 1, bitmap.data(), bitmap.size(), random.below(2) == 1, 3, cardinality,
                                    "a test");
    }
  }
}

collide::EmbeddingLayout random_layout(Random& random) {
  std::vector<collide::Feature> features;
  const std::uint32_t count = 1 + random.below(6);
  // All widths a multiple of 4 in some layouts: only then are packs of the output aligned.
  const std::vector<std::uint32_t> any = {1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 31, 64, 260}, fours = {4, 8, 16, 64, 1028};
  const bool aligned = random.below(2) == 1;
  for (std::uint32_t f = 0; f < count; ++f) {
    collide::Feature feature;
    feature.name = "feature " + std::to_string(f);
    feature.cardinality = 1 + random.below(700);
    feature.pooling =
        random.one_of<collide::Pooling>({collide::Pooling::kSum, collide::Pooling::kMean, collide::Pooling::kNone});
    if (feature.pooling == collide::Pooling::kNone) feature.sequence_length = 1 + random.below(9);
    const std::uint32_t hashes = 1 + random.below(3), width = random.one_of(aligned ? fours : any);
    feature.combine = random.below(2) == 1 ? collide::Combine::kConcat : collide::Combine::kSum;
    feature.dim = feature.combine == collide::Combine::kConcat ? width * hashes : width;
    feature.init_scale = 1;
    for (std::uint32_t h = 0; h < hashes; ++h) {
      feature.hashes.push_back(random_hash(random, static_cast<std::uint32_t>(feature.cardinality)));
    }
    features.push_back(std::move(feature));
  }
  return collide::EmbeddingLayout(std::move(features));
}

struct Batch {
  std::vector<std::int32_t> indices;
  std::vector<std::uint32_t> offsets = {0};
  std::vector<float> weights;
};

Batch random_batch(Random& random, const collide::EmbeddingLayout& layout, std::uint32_t size) {
  Batch batch;
  for (const collide::Feature& feature : layout.features) {
    for (std::uint32_t bag = 0; bag < size; ++bag) {
      std::uint32_t length = random.one_of<std::uint32_t>({0, 1, 1, 2, 3, 4, 5, 9, 64, 65, 130});
      if (feature.pooling == collide::Pooling::kNone) length = random.below(feature.sequence_length + 1);
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

// What the two launches do. Returns how many indices were bad.
std::uint64_t replay(CpuEmbedding& engine, const collide::BagBatch& batch, collide::BadIndex policy, float* out) {
  const collide::EmbeddingLayout& layout = engine.layout();
  std::vector<collide::cuda::DeviceTable> tables;
  std::vector<std::uint64_t> cardinalities;
  for (std::size_t f = 0; f < layout.features.size(); ++f) {
    cardinalities.push_back(layout.features[f].cardinality);
    for (std::size_t h = 0; h < layout.features[f].hashes.size(); ++h) {
      const HashFunction& hash = layout.features[f].hashes[h];
      tables.push_back({engine.table(f, h).weights.as<float>(),
                        collide::cuda::device_hash(hash, hash.entries.as<std::uint8_t>(),
                                                   hash.bitmap.as<std::uint32_t>(), hash.ranks.as<std::uint32_t>())});
    }
  }
  const auto features = static_cast<std::uint32_t>(layout.features.size());
  std::vector<std::uint32_t> ids(batch.index_count);
  const collide::cuda::CheckArguments checking{batch.indices, batch.index_type, batch.index_count,
                                               batch.offsets, batch.batch,      cardinalities.data(),
                                               features,      policy,           ids.data()};
  std::uint64_t bad = 0;
  for (std::uint32_t i = 0; i < batch.index_count; ++i) bad += collide::cuda::check_index(checking, i) ? 0 : 1;

  const auto segments = collide::cuda::make_segments(layout);
  const auto first_block = collide::cuda::first_blocks(segments, batch.batch);
  const collide::cuda::LookupArguments args{
      segments.data(),    first_block.data(), static_cast<std::uint32_t>(segments.size()),
      tables.data(),      ids.data(),         batch.offsets,
      batch.weights,      batch.batch,        out,
      layout.output_width};
  for (std::uint32_t block = 0; block < first_block.back(); ++block) {
    for (std::uint32_t thread = 0; thread < collide::cuda::kBlockThreads; ++thread) {
      collide::cuda::lookup_thread(args, block, thread);
    }
  }
  return bad;
}

void compare(std::uint64_t seed) {
  Random random(seed);
  const auto policy = seed % 2 == 0 ? collide::BadIndex::kClamp : collide::BadIndex::kHash;
  CpuEmbedding engine(random_layout(random), {}, policy, seed, 1);
  const std::uint32_t size = random.one_of<std::uint32_t>({1, 2, 7, 65, 300});
  const Batch data = random_batch(random, engine.layout(), size);
  collide::BagBatch batch;
  batch.index_type = collide::BagBatch::IndexType::kI32;
  batch.indices = data.indices.data();
  batch.index_count = data.indices.size();
  batch.offsets = data.offsets.data();
  batch.batch = size;
  batch.weights = random.below(2) == 1 ? data.weights.data() : nullptr;

  const std::size_t outputs = size * engine.layout().output_width;
  std::vector<float> expected(outputs, NAN), out(outputs, NAN);
  engine.forward(batch, expected.data(), false);
  const std::uint64_t bad = replay(engine, batch, policy, out.data());
  check(std::memcmp(expected.data(), out.data(), outputs * sizeof(float)) == 0, "bits of case " + std::to_string(seed));
  check(bad == engine.bad_indices(), "bad indices of case " + std::to_string(seed));
}

}  // namespace

int main() {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) compare(seed);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
