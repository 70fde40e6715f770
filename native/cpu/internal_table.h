// An internal table in memory: its rows in their precision, and the optimizer's state of each row.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/embedding_layout.h"
#include "core/memory.h"

namespace collide {

struct InternalTable {
  std::uint64_t rows = 0;
  std::uint32_t width = 0;
  Precision precision = Precision::kFloat32;
  std::size_t bytes_per_row = 0;
  std::size_t state_per_row = 0;
  Memory weights;  // [rows, bytes_per_row], see core/precision.h
  Memory state;    // float [rows, state_per_row]

  std::uint8_t* row(std::uint32_t index) const { return weights.as<std::uint8_t>() + index * bytes_per_row; }
};

}  // namespace collide
