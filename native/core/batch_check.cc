#include "core/batch_check.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace collide {

namespace {

std::int64_t index_at(const BagBatch& batch, std::size_t position) {
  switch (batch.index_type) {
    case BagBatch::IndexType::kU32:
      return static_cast<const std::uint32_t*>(batch.indices)[position];
    case BagBatch::IndexType::kI32:
      return static_cast<const std::int32_t*>(batch.indices)[position];
    default:
      return static_cast<const std::int64_t*>(batch.indices)[position];
  }
}

}  // namespace

void check_offsets(const EmbeddingLayout& layout, const BagBatch& batch) {
  if (batch.offsets[0] != 0) fail("INVALID_OFFSETS", "Expected offsets to start at 0, received ", batch.offsets[0]);
  const std::uint32_t* next = batch.offsets;
  for (const Feature& feature : layout.features) {
    const bool sequence = feature.pooling == Pooling::kNone;
    for (std::size_t bag = 0; bag < batch.batch; ++bag, ++next) {
      const std::uint32_t begin = next[0], end = next[1];
      const auto where = [&] { return "bag " + std::to_string(bag) + " of feature \"" + feature.name + "\""; };
      if (end < begin) {
        fail("INVALID_OFFSETS", "Expected offsets that never decrease, received ", begin, " then ", end, " for ",
             where());
      }
      if (end > batch.index_count) {
        fail("INVALID_OFFSETS", "Expected offsets up to ", batch.index_count, " (the number of indices), received ",
             end, " for ", where());
      }
      if (sequence && end - begin > feature.sequence_length) {
        fail("INVALID_OFFSETS", "Expected at most ", feature.sequence_length, " ids (the sequence length), received ",
             end - begin, " for ", where());
      }
    }
  }
  if (*next != batch.index_count) {
    fail("INVALID_OFFSETS", "Expected the last offset to be ", batch.index_count, " (the number of indices), received ",
         *next);
  }
}

void fail_bad_index(const EmbeddingLayout& layout, const BagBatch& batch, std::size_t position) {
  const std::size_t bags = layout.features.size() * batch.batch;
  const auto* next = std::upper_bound(batch.offsets, batch.offsets + bags + 1, position);
  const auto bag = static_cast<std::size_t>(next - batch.offsets) - 1;
  const Feature& feature = layout.features[bag / batch.batch];
  fail("INVALID_INDEX", "Expected an id from 0 to ", feature.cardinality - 1, " for feature \"", feature.name,
       "\", received ", index_at(batch, position), " in bag ", bag % batch.batch, " (position ", position,
       " of the indices)");
}

}  // namespace collide
