// Replays the CUDA lookup kernels on the host, thread by thread (threads share nothing, see
// cuda/embedding/lookup_thread.h), and compares every bit with the CPU engine on random sets of tables and random
// batches. No device is needed.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../cuda/random_lookups.h"
#include "cpu/embedding/engine.h"
#include "cuda/embedding/lookup_plan.h"
#include "cuda/embedding/lookup_thread.h"

namespace {

using collide::CpuEmbedding;
using collide::HashFunction;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

std::size_t bags_of(const std::vector<collide::FeatureBags>& features) {
  std::size_t bags = 0;
  for (const auto& one : features) bags += one.bags;
  return bags;
}

// What the launches do, of the check and of each part of at most `most` floats. Returns how many indices were bad.
std::uint64_t replay(CpuEmbedding& engine, const collide::BagBatch& batch, collide::BadIndex policy, std::size_t most,
                     float* out) {
  const collide::EmbeddingLayout& layout = engine.layout();
  std::vector<collide::cuda::DeviceTable> tables;
  std::vector<std::uint64_t> cardinalities;
  for (std::size_t f = 0; f < layout.features.size(); ++f) {
    cardinalities.push_back(layout.features[f].cardinality);
    for (std::size_t h = 0; h < layout.features[f].hashes.size(); ++h) {
      const HashFunction& hash = layout.features[f].hashes[h];
      tables.push_back({engine.table(f, h).weights.as<float>(), hash.kind});
    }
  }
  const auto features = static_cast<std::uint32_t>(layout.features.size());
  const auto* offsets = static_cast<const std::uint32_t*>(batch.offsets);
  const auto bags = collide::feature_bags(layout, batch);
  std::vector<std::uint32_t> first_ids;
  for (const auto& place : bags) first_ids.push_back(offsets[place.first_bag]);
  std::vector<std::uint32_t> ids(batch.index_count);
  const collide::cuda::CheckArguments checking{
      batch.indices, batch.index_type, batch.index_count, first_ids.data(), cardinalities.data(),
      features,      policy,           ids.data()};
  std::uint64_t bad = 0;
  for (std::uint32_t i = 0; i < batch.index_count; ++i) bad += collide::cuda::check_index(checking, i) ? 0 : 1;

  std::size_t done = 0;
  for (const auto& part : collide::cuda::lookup_parts(layout, bags, batch.batch_sizes == nullptr, most)) {
    auto segments = collide::cuda::make_segments(layout);
    const auto first_block = collide::cuda::place_segments(segments, part.bags);
    std::vector<float> room(part.floats);  // exactly sized: a sanitizer sees what is written beyond
    const collide::cuda::LookupArguments args{
        segments.data(), first_block.data(), static_cast<std::uint32_t>(segments.size()),
        tables.data(),   ids.data(),         offsets,
        batch.weights,   room.data()};
    for (std::uint32_t block = 0; block < first_block.back(); ++block) {
      for (std::uint32_t thread = 0; thread < collide::cuda::kBlockThreads; ++thread) {
        collide::cuda::lookup_thread(args, block, thread);
      }
    }
    check(part.first == done &&
              (part.floats <= most || bags_of(part.bags) == layout.features.size() || bags_of(part.bags) == 1),
          "parts follow each other and are no larger than a bag of each feature or the limit");
    std::copy(room.begin(), room.end(), out + part.first);
    done += part.floats;
  }
  check(done == collide::output_size(layout, bags), "parts are the whole");
  return bad;
}

void compare(std::uint64_t seed) {
  collide::testing::Random random(seed);
  const auto policy = seed % 2 == 0 ? collide::BadIndex::kClamp : collide::BadIndex::kHash;
  CpuEmbedding engine(collide::testing::random_layout(random), {}, policy, seed, 1);
  const std::uint32_t size = random.one_of<std::uint32_t>({1, 2, 7, 65, 300});
  const auto data = collide::testing::random_batch(random, engine.layout(), size);
  collide::BagBatch batch = data.view(size, random.below(2) == 1);
  const std::vector<std::uint32_t> sizes(engine.layout().features.size(), size);
  if (random.below(2) == 1) batch.batch_sizes = sizes.data();  // then features lie one behind the other

  const std::size_t outputs = size * engine.layout().output_width;
  std::vector<float> expected(outputs, NAN), out(outputs, NAN);
  engine.forward(batch, expected.data(), false);
  const auto most = random.one_of<std::size_t>({1, 40, 1000, ~std::size_t{0}});
  const std::uint64_t bad = replay(engine, batch, policy, most, out.data());
  check(std::memcmp(expected.data(), out.data(), outputs * sizeof(float)) == 0, "bits of case " + std::to_string(seed));
  check(bad == engine.bad_indices(), "bad indices of case " + std::to_string(seed));
}

}  // namespace

int main() {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) compare(seed);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
