// Order of ids by (value, id): a stable LSD radix sort, 11 bits a pass; passes whose digit is the same everywhere
// (float32 values leave the low bits empty) are skipped. O(N), 32 bytes per id while it runs. Deterministic.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace collide {

struct ValueOrder {
  std::vector<double> values;      // ascending, -0 as +0
  std::vector<std::uint32_t> ids;  // ids[k] has values[k]; equal values by ascending id
};

// Values must not be NaN. `aborted` (may be empty) is polled between passes; once true the order comes back empty.
ValueOrder sort_by_value(const std::vector<double>& values, const std::function<bool()>& aborted);

}  // namespace collide
