#include "core/embedding/batch_check.h"

#include <algorithm>
#include <string>

#include "core/support/error.h"
#include "core/support/multiversion.h"

namespace collide {

namespace {

// The largest offset that a batch may have: positions are numbered in 32 bits.
constexpr std::uint64_t kMostIndices = 0xffffffff;

template <typename Body>
auto with_integers(IntegerType type, const void* values, const Body& body) {
  switch (type) {
    case IntegerType::kU32:
      return body(static_cast<const std::uint32_t*>(values));
    case IntegerType::kI32:
      return body(static_cast<const std::int32_t*>(values));
    default:
      return body(static_cast<const std::int64_t*>(values));
  }
}

// Whether the values are all from 0 to `most` and never decrease, and so may be copied as 32 bits. Every value is read
// once, from the copy on: an array shared with another thread may change under us.
template <typename T>
bool copy_ascending(const T* values, std::size_t n, std::uint64_t most, std::uint32_t* out) {
  std::uint64_t wrong = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t value = widened(values[i]);
    wrong |= value > most;
    out[i] = static_cast<std::uint32_t>(value);
  }
  for (std::size_t i = 1; i < n; ++i) wrong |= out[i - 1] > out[i];
  return wrong == 0;
}

COLLIDE_MULTIVERSION
bool copy_ascending_u32(const std::uint32_t* values, std::size_t n, std::uint64_t most, std::uint32_t* out) {
  return copy_ascending(values, n, most, out);
}

// The common case, vectorised.
COLLIDE_MULTIVERSION
bool all_at_most(const std::uint32_t* ids, std::size_t count, std::uint32_t most) {
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < count; ++i) bad |= ids[i] > most;
  return bad == 0;
}

}  // namespace

std::size_t check_ids(const EmbeddingLayout& layout, const BagBatch& batch, const std::vector<FeatureBags>& bags,
                      const std::vector<std::uint32_t>& offsets, BadIndex policy, std::uint32_t* ids) {
  std::size_t bad = 0;
  for (std::size_t f = 0; f < bags.size(); ++f) {
    const std::size_t begin = offsets[bags[f].first_bag], end = offsets[bags[f].first_bag + bags[f].bags];
    const std::uint64_t cardinality = layout.features[f].cardinality;
    if (all_at_most(ids + begin, end - begin, static_cast<std::uint32_t>(cardinality - 1))) continue;
    for (std::size_t i = begin; i < end; ++i) {
      if (ids[i] < cardinality) continue;
      if (policy == BadIndex::kError) {
        BagBatch checked = batch;
        checked.indices = ids;
        fail_bad_index(layout, checked, bags, offsets, i);
      }
      ids[i] = replacement_id(policy, ids[i], cardinality);
      ++bad;
    }
  }
  return bad;
}

void copy_offsets(const EmbeddingLayout& layout, const BagBatch& batch, const std::vector<FeatureBags>& bags,
                  std::vector<std::uint32_t>& out) {
  const std::size_t n = bags.back().first_bag + bags.back().bags + 1;
  if (batch.index_count > kMostIndices) {
    fail("INVALID_OFFSETS", "Expected at most 2^32 - 1 indices in a batch, received ", batch.index_count);
  }
  out.resize(n);
  const bool ascending = with_integers(batch.offset_type, batch.offsets, [&](auto* offsets) {
    if constexpr (std::is_same_v<decltype(offsets), const std::uint32_t*>) {
      return copy_ascending_u32(offsets, n, batch.index_count, out.data());
    } else {
      return copy_ascending(offsets, n, batch.index_count, out.data());
    }
  });
  const auto value = [&](std::size_t i) {
    return with_integers(batch.offset_type, batch.offsets, [&](auto* all) -> std::int64_t { return all[i]; });
  };
  const auto where = [&](std::size_t bag) {
    std::size_t f = 0;
    while (bag >= bags[f].first_bag + bags[f].bags) ++f;
    return "bag " + std::to_string(bag - bags[f].first_bag) + " of feature \"" + layout.features[f].name + "\"";
  };
  for (std::size_t bag = 0; !ascending && bag + 1 < n; ++bag) {
    if (value(bag + 1) < value(bag)) {
      fail("INVALID_OFFSETS", "Expected offsets that never decrease, received ", value(bag), " then ", value(bag + 1),
           " for ", where(bag));
    }
    if (value(bag + 1) > static_cast<std::int64_t>(batch.index_count)) {
      fail("INVALID_OFFSETS", "Expected offsets up to ", batch.index_count, " (the number of indices), received ",
           value(bag + 1), " for ", where(bag));
    }
  }
  if (!ascending || out[0] != 0) {
    fail("INVALID_OFFSETS", "Expected offsets to start at 0, received ", value(0));
  }
  for (std::size_t f = 0; f < layout.features.size(); ++f) {
    const Feature& feature = layout.features[f];
    if (feature.pooling != Pooling::kNone) continue;
    for (std::size_t bag = bags[f].first_bag; bag < bags[f].first_bag + bags[f].bags; ++bag) {
      const std::size_t length = out[bag + 1] - out[bag];
      if (length <= feature.sequence_length) continue;
      fail("INVALID_OFFSETS", "Expected at most ", feature.sequence_length, " ids (the sequence length), received ",
           length, " for ", where(bag));
    }
  }
  if (out.back() != batch.index_count) {
    fail("INVALID_OFFSETS", "Expected the last offset to be ", batch.index_count, " (the number of indices), received ",
         out.back());
  }
}

void fail_bad_index(const EmbeddingLayout& layout, const BagBatch& batch, const std::vector<FeatureBags>& bags,
                    const std::vector<std::uint32_t>& offsets, std::size_t position) {
  const auto next = std::upper_bound(offsets.begin(), offsets.end(), position);
  const auto bag = static_cast<std::size_t>(next - offsets.begin()) - 1;
  std::size_t f = 0;
  while (bag >= bags[f].first_bag + bags[f].bags) ++f;
  const Feature& feature = layout.features[f];
  const std::int64_t index =
      with_integers(batch.index_type, batch.indices, [&](auto* indices) -> std::int64_t { return indices[position]; });
  fail("INVALID_INDEX", "Expected an id from 0 to ", feature.cardinality - 1, " for feature \"", feature.name,
       "\", received ", index, " in bag ", bag - bags[f].first_bag, " (position ", position, " of the indices)");
}

}  // namespace collide
