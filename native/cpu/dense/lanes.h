// Blocks of rows in the lanes-last layout of cpu/dense/gemm.h: in from row-major arrays and out to them, copied,
// masked.
#pragma once

#include <cstddef>

#include "cpu/dense/gemm.h"

namespace collide {

// Columns [first, first + count) of each of `vectors` vectors of `dim`, in rows of vectors * dim.
struct Columns {
  std::size_t vectors, dim, first, count;
  std::size_t row() const { return vectors * dim; }
};

// Row-major rows to lanes; rows up to a full group of 16 are filled with zeros.
void load_rows(const float* from, std::size_t rows, const Columns& columns, Lanes to);

// The way back: lanes to those columns of row-major rows.
void store_rows(Lanes from, std::size_t rows, const Columns& columns, float* to);

// Every row of feature f becomes values[f].
void fill_rows(const float* values, std::size_t features, std::size_t groups, Lanes to);

void copy_lanes(Lanes from, Lanes to, std::size_t features, std::size_t groups, bool add);
void clear_lanes(Lanes values, std::size_t features, std::size_t groups);

// gradient = 0 where the value is not above 0.
void mask_lanes(Lanes values, Lanes gradient, std::size_t features, std::size_t groups);

// Every feature of `to` becomes the one feature of `from`, or has it added.
void spread_lanes(Lanes from, Lanes to, std::size_t features, std::size_t groups, bool add);

}  // namespace collide
