// The sources of rows that the CPU has (core/embedding/row_source.h): one file each, and one line here and in index.cc.
#pragma once

#include <memory>

#include "core/embedding/row_source.h"

namespace collide {

// Throw Error INVALID_ARGUMENT for tables or numbers that they cannot use.
std::unique_ptr<RowSource> make_mixed_dimension(RowSourceSettings settings);

// The source that settings.kind names. Throws Error INVALID_ARGUMENT, also for a kind that there is not.
std::unique_ptr<RowSource> make_row_source(RowSourceSettings settings);

}  // namespace collide
