#include "core/embedding_layout.h"

#include "core/error.h"

namespace collide {

EmbeddingLayout::EmbeddingLayout(std::vector<Feature> list) : features(std::move(list)) {
  if (features.empty()) fail("INVALID_ARGUMENT", "Expected at least one feature, received none");
  for (const Feature& feature : features) {
    const auto expect = [&](bool holds, const char* what) {
      if (!holds) fail("INVALID_ARGUMENT", "Expected ", what, " for feature \"", feature.name, "\"");
    };
    expect(feature.cardinality >= 1 && feature.cardinality <= (1ull << 32), "a cardinality from 1 to 2^32");
    expect(feature.dim >= 1 && feature.dim <= 65536, "a dim from 1 to 65536");
    expect(feature.sequence_length >= 1, "a sequence length of at least 1");
    expect(!feature.hashes.empty(), "at least one hash function");
    expect(feature.combine == Combine::kSum || feature.dim % feature.hashes.size() == 0,
           "a dim divisible by the number of hash functions to concat");
    for (const HashFunction& hash : feature.hashes) {
      expect(hash.rows >= 1 && hash.rows <= (1ull << 32), "1 to 2^32 rows");
      expect(hash.kind != HashKind::kIdentity || hash.rows == feature.cardinality,
             "identity rows equal to the cardinality");
      expect(hash.kind != HashKind::kQuotient ||
                 (hash.divisor >= 1 && (feature.cardinality - 1) / hash.divisor < hash.rows),
             "enough rows for the quotient");
    }
    output_offset.push_back(output_width);
    output_width += feature.output_width();
  }
}

}  // namespace collide
