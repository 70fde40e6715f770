#include "cpu/embedding/sources/index.h"

#include <string>
#include <utility>

#include "core/support/error.h"

namespace collide {

namespace {

constexpr struct {
  const char* kind;
  std::unique_ptr<RowSource> (*make)(RowSourceSettings);
} kSources[] = {
    {"mixed-dimension", make_mixed_dimension},
};

}  // namespace

std::unique_ptr<RowSource> make_row_source(RowSourceSettings settings) {
  std::string known;
  for (const auto& [kind, make] : kSources) {
    if (settings.kind == kind) return make(std::move(settings));
    known.append(known.empty() ? "" : ", ").append(kind);
  }
  fail("INVALID_ARGUMENT", "Expected a source of rows that native code has (", known, "), received \"", settings.kind,
       "\"");
}

}  // namespace collide
