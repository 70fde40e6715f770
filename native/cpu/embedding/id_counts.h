// How often each id of a feature was looked up, saturating at 2^32 - 1.
//
// The last up to 255 accesses of an id are in a byte of their own, which is all that counting touches: a quarter of the
// cache lines that 32 bits an id would have. A full byte is added to the id's total.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/support/memory.h"
#include "cpu/embedding/internal_table.h"

namespace collide {

class IdCounts {
 public:
  // Throws Error OUT_OF_MEMORY.
  explicit IdCounts(std::uint64_t ids);

  // One access of each of these ids. One random byte each, prefetched.
  void count(const std::uint32_t* ids, std::size_t n);
  // [ids]. O(ids): brings them up to date.
  std::uint32_t* totals();
  std::size_t bytes() const { return recent_.bytes() + totals_.bytes(); }

 private:
  std::uint64_t ids_;
  Memory recent_, totals_;
};

// The same in a table whose rows are the ids.
void count_rows(const InternalTable& table, const std::uint32_t* ids, std::size_t n);

}  // namespace collide
