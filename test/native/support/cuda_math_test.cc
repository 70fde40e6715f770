// The arithmetic of the CUDA lookups on the host: hash functions against the CPU engine's, the launch plan and the
// index check against their plain definitions. No CUDA toolkit and no device is needed.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "core/embedding/batch_check.h"
#include "core/hashing/hash_function.h"
#include "core/support/random.h"
#include "cuda/embedding/lookup_plan.h"
#include "cuda/embedding/lookup_thread.h"
#include "cuda/hashing/hash_rows.h"
#include "packed_entries.h"

namespace {

using collide::BadIndex;
using collide::HashFunction;
using collide::HotHash;
using collide::HotTail;
using collide::mix64;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

// rows_of_ids, four and one at a time, against HashFunction::rows_of.
void compare(const HashFunction& hash, const std::vector<std::uint32_t>& ids, const std::string& what) {
  const collide::AnyHash device = hash.kind.reading(hash.mapping.as<void>());
  std::vector<std::uint32_t> expected(ids.size());
  hash.rows_of(ids.data(), ids.size(), expected.data());
  bool same = true;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::uint32_t one[1] = {ids[i]};
    std::uint32_t row[1];
    collide::cuda::rows_of_ids(device, one, row);
    const std::uint32_t four[4] = {ids[i], ids[ids.size() - 1 - i], ids[0], ids[ids.size() / 2]};
    std::uint32_t rows[4];
    collide::cuda::rows_of_ids(device, four, rows);
    same = same && row[0] == expected[i] && rows[0] == expected[i] && rows[1] == expected[ids.size() - 1 - i] &&
           rows[2] == expected[0] && rows[3] == expected[ids.size() / 2];
  }
  check(same, what);
}

std::vector<std::uint32_t> some_ids(std::uint64_t cardinality) {
  std::vector<std::uint32_t> ids;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(cardinality, 3000); ++i) {
    ids.push_back(static_cast<std::uint32_t>(cardinality <= 3000 ? i : collide::high64(mix64(i), cardinality)));
  }
  ids.push_back(static_cast<std::uint32_t>(cardinality - 1));
  return ids;
}

void computed_hashes() {
  const std::uint64_t most = collide::kMostRows;
  for (const std::uint64_t rows : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1000}, most - 1, most}) {
    compare(collide::ModuloHash(rows), some_ids(most), "modulo, rows " + std::to_string(rows));
    compare(collide::MixedHash(rows, mix64(7)), some_ids(most), "mixed, rows " + std::to_string(rows));
    for (const std::uint64_t divisor : {std::uint64_t{1}, std::uint64_t{3}, most, ~std::uint64_t{0}}) {
      compare(collide::QuotientHash(rows, divisor), some_ids(most), "quotient by " + std::to_string(divisor));
      compare(collide::MixedRadixHash(rows, divisor), some_ids(most),
              "mixed radix " + std::to_string(divisor) + ", rows " + std::to_string(rows));
    }
  }
  compare(collide::IdentityHash(most), some_ids(most), "identity");
}

void packed_tables() {
  for (const std::uint64_t cardinality : {1, 2, 3, 4, 5, 31, 63, 64, 1021}) {
    for (unsigned bits = 1; bits <= 32; ++bits) {
      for (const bool prunes : {false, true}) {
        // The largest entry is the code of a pruned id, or just a row.
        const std::uint64_t codes = std::uint64_t{1} << bits,
                            rows = prunes ? codes - 1 : std::min(codes, collide::kMostRows);
        std::vector<std::uint32_t> entries(cardinality);
        for (std::uint64_t id = 0; id < cardinality; ++id) {
          entries[id] = static_cast<std::uint32_t>(collide::high64(mix64(id + bits), prunes ? codes : rows));
        }
        entries[cardinality / 2] = static_cast<std::uint32_t>(prunes ? rows : rows - 1);
        const auto packed = collide::testing::packed_entries(entries, bits);
        const HashFunction hash =
            collide::TableHash::make(rows, bits, packed.data(), packed.size(), cardinality, "a test");
        compare(hash, some_ids(cardinality),
                std::to_string(bits) + " bits per entry, cardinality " + std::to_string(cardinality));
      }
    }
  }
}

void hot_ids() {
  for (const std::uint64_t cardinality : {1, 31, 32, 33, 63, 64, 65, 447, 448, 449, 2500}) {
    for (const unsigned share : {0u, 16u, 128u, 255u}) {
      std::vector<std::uint32_t> bitmap((cardinality + 31) / 32);
      for (std::uint64_t id = 0; id < cardinality; ++id) {
        if ((mix64(id) & 0xff) < share) bitmap[id / 32] |= 1u << (id % 32);
      }
      for (const bool mixed : {false, true}) {
        const HashFunction hash = HotHash::make(cardinality + 1, bitmap.data(), bitmap.size(),
                                                mixed ? HotTail::kMixed : HotTail::kModulo, 5, cardinality, "a test");
        compare(hash, some_ids(cardinality), "hot ids, cardinality " + std::to_string(cardinality));
      }
    }
  }
  const std::uint32_t all[1] = {7};  // every id is hot: no tail at all
  compare(HotHash::make(3, all, 1, HotTail::kModulo, 0, 3, "a test"), {0, 1, 2}, "hot ids only");
}

collide::EmbeddingLayout layout_of(std::vector<std::uint32_t> dims, collide::Pooling pooling, std::uint32_t length,
                                   collide::Combine combine, std::size_t hashes) {
  std::vector<collide::Feature> features;
  for (const std::uint32_t dim : dims) {
    collide::Feature feature;
    feature.name = "width " + std::to_string(dim);
    feature.cardinality = 10;
    feature.dim = dim;
    feature.pooling = pooling;
    feature.sequence_length = length;
    feature.combine = combine;
    for (std::size_t h = 0; h < hashes; ++h) feature.hashes.emplace_back(collide::IdentityHash(10));
    features.push_back(std::move(feature));
  }
  return collide::EmbeddingLayout(std::move(features));
}

// `batch` bags of every feature, side by side in an output of `columns` columns.
std::vector<collide::FeatureBags> bags_of(const collide::EmbeddingLayout& layout, std::uint64_t batch,
                                          std::uint64_t columns) {
  std::vector<collide::FeatureBags> bags;
  std::uint64_t column = 0;
  for (const collide::Feature& feature : layout.features) {
    bags.push_back({bags.size() * batch, batch, column, columns});
    column += std::uint64_t{feature.sequence_length} * feature.dim;
  }
  return bags;
}

void plans() {
  const auto layout = layout_of({16, 6, 7, 2048}, collide::Pooling::kSum, 1, collide::Combine::kSum, 2);
  auto segments = collide::cuda::make_segments(layout);
  check(segments.size() == 4 && segments[0].pack == 4 && segments[1].pack == 2 && segments[2].pack == 1, "packs");
  check(segments[0].lanes == 4 && segments[0].bags_per_block == 64 && segments[3].lanes == 256, "lanes");
  check(segments[3].first_table == 6 && segments[3].tables == 2, "tables");
  const std::vector<std::uint32_t> expected = {0, 2, 4, 7, 107};
  check(collide::cuda::place_segments(segments, bags_of(layout, 100, 2077)) == expected, "blocks of each segment");
  check(segments[3].first_bag == 300 && segments[3].bags == 100 && segments[3].base == 29 && segments[3].stride == 2077,
        "places in the batch");
  check(!segments[0].aligned_output && segments[2].aligned_output, "an output of 2077 columns has no aligned packs");
  auto bags = bags_of(layout, 100, 2077);
  bags[1].bags = 0;
  bags[3].bags = 7;
  const std::vector<std::uint32_t> uneven = {0, 2, 2, 5, 12};
  check(collide::cuda::place_segments(segments, bags) == uneven, "batches of their own");

  const auto side = layout_of({16, 8}, collide::Pooling::kNone, 3, collide::Combine::kConcat, 2);
  auto concat = collide::cuda::make_segments(side);
  collide::cuda::place_segments(concat, bags_of(side, 5, 72));
  check(concat.size() == 4 && concat[1].base == 8 && concat[2].base == 48 && concat[2].aligned_output,
        "internal tables side by side are segments of their own");
  check(concat[0].width == 8 && concat[0].positions == 3 && concat[0].position_stride == 16 && concat[0].lanes == 6,
        "positions of a sequence");
  bool refused = false;
  try {
    collide::cuda::place_segments(segments, bags_of(layout, 1ull << 31, 2077));
  } catch (const collide::Error& error) {
    refused = error.code == "INVALID_ARGUMENT";
  }
  check(refused, "a batch of 2^31 bags of one block each is refused");
}

template <typename T>
void index_check(collide::IntegerType type, std::vector<T> indices, BadIndex policy,
                 std::vector<std::uint32_t> expected, std::vector<bool> good, const std::string& what) {
  // Three features of cardinality 10, 5 and 2^32 - 1.
  const std::vector<std::uint32_t> first_ids = {0, 3, 5};
  const std::vector<std::uint64_t> cardinalities = {10, 5, collide::kMostRows};
  std::vector<std::uint32_t> ids(indices.size());
  const collide::cuda::CheckArguments args{indices.data(),       type, indices.size(), first_ids.data(),
                                           cardinalities.data(), 3,    policy,         ids.data()};
  bool same = true;
  for (std::uint32_t i = 0; i < indices.size(); ++i) same = same && collide::cuda::check_index(args, i) == good[i];
  check(same && ids == expected, what);
}

void index_checks() {
  using Type = collide::IntegerType;
  const std::int64_t past = 1ll << 32;
  const std::vector<bool> all(7, true), half = {true, false, false, true, false, false, true};
  index_check<std::uint32_t>(Type::kU32, {9, 0, 5, 4, 0, ~0u - 1, 1}, BadIndex::kError, {9, 0, 5, 4, 0, ~0u - 1, 1},
                             all, "good u32 ids");
  index_check<std::int32_t>(Type::kI32, {9, 10, -1, 4, 5, -7, 3}, BadIndex::kError, {9, 0, 0, 4, 0, 0, 3}, half,
                            "bad i32 ids become 0 until the error is seen");
  index_check<std::int32_t>(Type::kI32, {9, 10, -1, 4, 5, -7, 3}, BadIndex::kZero, {9, 0, 0, 4, 0, 0, 3}, half,
                            "bad ids become id 0");
  index_check<std::int64_t>(Type::kI64, {9, 10, -1, 4, past, past, 3}, BadIndex::kClamp, {9, 9, 0, 4, 4, ~0u - 1, 3},
                            half, "clamp takes the nearest id");
  std::vector<std::uint32_t> hashed = {9, 0, 0, 4, 0, 0, 3};
  hashed[1] = collide::mixed_row(10, mix64(0), 10);
  hashed[2] = collide::mixed_row(~0ull, mix64(0), 10);
  hashed[4] = collide::mixed_row(1ull << 32, mix64(0), 5);
  hashed[5] = collide::mixed_row(1ull << 32, mix64(0), collide::kMostRows);
  index_check<std::int64_t>(Type::kI64, {9, 10, -1, 4, past, past, 3}, BadIndex::kHash, hashed, half,
                            "hash spreads bad ids");
}

}  // namespace

int main() {
  computed_hashes();
  packed_tables();
  hot_ids();
  plans();
  index_checks();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
