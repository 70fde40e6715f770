// Lookups on CUDA at the upper end of 32-bit positions, replayed on the host (cuda/embedding/lookup_thread.h): a batch
// may have 2^32 - 1 ids, and a sum that is cut into pieces of 64 must not run past the last one. Ids and weights lie in
// address space that is reserved and not touched; only its last pages are real.
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "checks.h"
#include "core/support/random.h"
#include "cuda/embedding/lookup_plan.h"
#include "cuda/embedding/lookup_thread.h"

namespace {

using namespace collide;
using checks::check;

constexpr std::uint32_t kMost = 0xffffffff, kRows = 50, kTables = 2;

template <typename T>
T* reserve_positions() {
  void* room = mmap(nullptr, (std::size_t{1} << 32) * sizeof(T), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) fail("OUT_OF_MEMORY", "Could not reserve address space");
  return static_cast<T*>(room);
}

EmbeddingLayout layout_of(std::uint32_t dim, Pooling pooling, Combine combine) {
  Feature feature;
  feature.name = "movie";
  feature.cardinality = kRows;
  feature.dim = dim;
  feature.pooling = pooling;
  feature.combine = combine;
  feature.sequence_length = pooling == Pooling::kNone ? 300 : 1;
  for (std::uint32_t t = 0; t < kTables; ++t) {
    feature.hashes.emplace_back(IdentityHash(kRows));
  }
  std::vector<Feature> features;
  features.push_back(std::move(feature));
  return EmbeddingLayout(std::move(features));
}

// One bag, of ids [begin, end), looked up by all threads of the launch.
std::vector<float> pooled(const EmbeddingLayout& layout, const std::vector<float>& rows, const std::uint32_t* ids,
                          const float* weights, std::uint32_t begin, std::uint32_t end) {
  std::vector<cuda::DeviceTable> tables;
  for (std::uint32_t t = 0; t < kTables; ++t) {
    const HashFunction& hash = layout.features[0].hashes[t];
    tables.push_back({rows.data() + t * kRows * layout.features[0].table_width(), hash.kind});
  }
  const std::uint32_t offsets[] = {begin, end};
  std::vector<cuda::Segment> segments = cuda::make_segments(layout);
  const auto first_block = cuda::place_segments(segments, {{0, 1, 0, layout.output_width}});
  std::vector<float> out(layout.output_width);
  const cuda::LookupArguments args{
      segments.data(), first_block.data(), static_cast<std::uint32_t>(segments.size()), tables.data(), ids, offsets,
      weights,         out.data()};
  for (std::uint32_t block = 0; block < first_block.back(); ++block) {
    for (std::uint32_t thread = 0; thread < cuda::kBlockThreads; ++thread) cuda::lookup_thread(args, block, thread);
  }
  return out;
}

}  // namespace

int main() {
  auto* const ids = reserve_positions<std::uint32_t>();
  auto* const weights = reserve_positions<float>();
  for (std::uint32_t k = 0; k < 400; ++k) {
    ids[k] = ids[kMost - 400 + k] = static_cast<std::uint32_t>(mix64(k) % kRows);
    weights[k] = weights[kMost - 400 + k] = 2 * uniform01(1, k) - 1;
  }
  for (const auto& [dim, pooling, combine] : {std::tuple{4u, Pooling::kSum, Combine::kSum},
                                              {6u, Pooling::kMean, Combine::kConcat},
                                              {3u, Pooling::kSum, Combine::kMultiply},
                                              {2u, Pooling::kNone, Combine::kSum}}) {
    const EmbeddingLayout layout = layout_of(dim, pooling, combine);
    std::vector<float> rows(kTables * kRows * dim);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = 2 * uniform01(2, i) - 1;
    for (const std::uint32_t before : {0u, 1u, 2u, 3u, 63u, 64u, 65u, 100u}) {  // positions behind the bag
      for (const std::uint32_t length : {1u, 2u, 3u, 4u, 63u, 64u, 65u, 127u, 128u, 129u, 191u, 250u}) {
        for (const float* scale : {static_cast<const float*>(nullptr), static_cast<const float*>(weights)}) {
          const std::uint32_t end = 400 - before, begin = end - length;
          check(pooled(layout, rows, ids, scale, kMost - 400 + begin, kMost - 400 + end) ==
                    pooled(layout, rows, ids, scale, begin, end),
                std::to_string(length) + " ids up to position " + std::to_string(kMost - before) + ", dim " +
                    std::to_string(dim));
        }
      }
    }
  }
  checks::rejects("a dim * sequence length below 2^32", [] {
    Feature feature;
    feature.name = "wide";
    feature.cardinality = 1, feature.dim = 65536, feature.sequence_length = 65536;
    feature.pooling = Pooling::kNone;
    feature.hashes.emplace_back(IdentityHash(1));
    std::vector<Feature> features;
    features.push_back(std::move(feature));
    EmbeddingLayout(std::move(features));
  });
  return checks::summary();
}
