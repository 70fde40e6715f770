#include "cpu/embedding/index_copy.h"

#include <type_traits>

#include "core/support/multiversion.h"

namespace collide {

namespace {

// Copies indices [begin, end) to ids when all are below the cardinality; otherwise what it wrote is of no use. Every
// index is read once: a buffer shared with another thread may change under us.
template <typename T>
COLLIDE_INLINE bool copy_good(const T* indices, std::size_t begin, std::size_t end, std::uint64_t cardinality,
                              std::uint32_t* ids) {
  std::uint32_t bad = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const T index = indices[i];
    bad |= widened(index) >= cardinality;
    ids[i] = static_cast<std::uint32_t>(index);
  }
  return bad == 0;
}

// The common type, vectorised.
COLLIDE_MULTIVERSION
bool copy_good_u32(const std::uint32_t* indices, std::size_t begin, std::size_t end, std::uint32_t most,
                   std::uint32_t* ids) {
  std::uint32_t bad = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint32_t index = indices[i];
    bad |= index > most;
    ids[i] = index;
  }
  return bad == 0;
}

template <typename T>
std::size_t copy_typed(const T* indices, std::size_t begin, std::size_t end, std::uint64_t cardinality, BadIndex policy,
                       std::uint32_t* ids, std::size_t& first) {
  if constexpr (std::is_same_v<T, std::uint32_t>) {
    if (copy_good_u32(indices, begin, end, static_cast<std::uint32_t>(cardinality - 1), ids)) return 0;
  } else {
    if (copy_good(indices, begin, end, cardinality, ids)) return 0;
  }
  std::size_t bad = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint64_t index = widened(indices[i]);
    if (index < cardinality) [[likely]] {
      ids[i] = static_cast<std::uint32_t>(index);
      continue;
    }
    if (bad++ == 0) first = i;
    ids[i] = replacement_id(policy, index, cardinality);
  }
  return bad;
}

}  // namespace

std::size_t copy_indices(const BagBatch& batch, std::size_t begin, std::size_t end, std::uint64_t cardinality,
                         BadIndex policy, std::uint32_t* ids, std::size_t& first) {
  const auto copy = [&](auto* indices) { return copy_typed(indices, begin, end, cardinality, policy, ids, first); };
  switch (batch.index_type) {
    case IntegerType::kU32:
      return copy(static_cast<const std::uint32_t*>(batch.indices));
    case IntegerType::kI32:
      return copy(static_cast<const std::int32_t*>(batch.indices));
    case IntegerType::kI64:
      return copy(static_cast<const std::int64_t*>(batch.indices));
  }
  return 0;
}

}  // namespace collide
