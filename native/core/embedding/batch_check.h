// The checks of a batch that every engine makes before it reads a table: one place for the rules and their messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/embedding/layout.h"
#include "core/hashing/hash_function.h"

namespace collide {

// What becomes of an index outside [0, cardinality): an error, id 0, the nearest id, or a hashed id.
enum class BadIndex : std::uint8_t { kError, kZero, kClamp, kHash };

// An index of any of the three types as 64 bits: a negative one becomes a huge one, so one comparison checks both ends.
template <typename T>
COLLIDE_HD std::uint64_t widened(T index) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(index));
}

// The id that stands in for a bad index; kError gives 0, so that what follows stays in bounds until the error is seen.
COLLIDE_HD std::uint32_t replacement_id(BadIndex policy, std::uint64_t index, std::uint64_t cardinality) {
  if (policy == BadIndex::kHash) return mixed_row(index, mix64(0), cardinality);
  const bool negative = static_cast<std::int64_t>(index) < 0;
  return policy == BadIndex::kClamp && !negative ? static_cast<std::uint32_t>(cardinality - 1) : 0;
}

// Copies the batch's offsets, [bags of all features + 1], to `out` and checks the copy. Throws Error INVALID_OFFSETS
// naming the first bag that is wrong. O(bags).
void copy_offsets(const EmbeddingLayout& layout, const BagBatch& batch, const std::vector<FeatureBags>& bags,
                  std::vector<std::uint32_t>& out);

// Checks 32-bit ids, a copy of the batch's, in place: those outside [0, cardinality) of their feature are replaced as
// the policy says. Returns how many there were. Throws Error INVALID_INDEX for the first where the policy is kError.
std::size_t check_ids(const EmbeddingLayout& layout, const BagBatch& batch, const std::vector<FeatureBags>& bags,
                      const std::vector<std::uint32_t>& offsets, BadIndex policy, std::uint32_t* ids);

// Throws Error INVALID_INDEX for the bad index at this position of the batch, whose offsets are `offsets`.
[[noreturn]] void fail_bad_index(const EmbeddingLayout& layout, const BagBatch& batch,
                                 const std::vector<FeatureBags>& bags, const std::vector<std::uint32_t>& offsets,
                                 std::size_t position);

}  // namespace collide
