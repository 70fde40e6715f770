// Checked copies of a batch's indices as 32-bit ids: JavaScript's buffers are not touched after the call. Every index
// is read once or, where one of its range is bad, twice; four bytes written each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/embedding/batch_check.h"
#include "core/embedding/layout.h"

namespace collide {

// Copies indices [begin, end) of the batch to ids[begin, end), with replacements for those outside [0, cardinality);
// returns how many there were and, in `first`, the position of the first one.
std::size_t copy_indices(const BagBatch& batch, std::size_t begin, std::size_t end, std::uint64_t cardinality,
                         BadIndex policy, std::uint32_t* ids, std::size_t& first);

}  // namespace collide
