// Rows as the packed entries of a look-up table, bit by bit: the slow definition of the packed form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace collide::testing {

inline std::vector<std::uint8_t> packed_entries(const std::vector<std::uint32_t>& rows, unsigned bits) {
  std::vector<std::uint8_t> packed((rows.size() * bits + 7) / 8, 0);
  for (std::size_t id = 0; id < rows.size(); ++id) {
    for (unsigned bit = 0; bit < bits; ++bit) {
      const std::size_t at = id * bits + bit;
      packed[at / 8] = static_cast<std::uint8_t>(packed[at / 8] | (rows[id] >> bit & 1) << at % 8);
    }
  }
  return packed;
}

}  // namespace collide::testing
