// The things of a kind (optimizers, ...) as a variant of their types, each with its name in kName: the one list that
// both the lookup of a name and the choice of code come from.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "core/support/error.h"
#include "core/support/multiversion.h"

namespace collide {

// The alternative of that name, value-initialised. `what` names the kind of thing. Throws Error INVALID_ARGUMENT with
// all names.
template <typename Variant, std::size_t kIndex = 0>
Variant named_kind(std::string_view name, const char* what, const std::string& known = {}) {
  if constexpr (kIndex == std::variant_size_v<Variant>) {
    fail("INVALID_ARGUMENT", "Expected one of ", known, " for ", what, ", received \"", name, "\"");
  } else {
    using Kind = std::variant_alternative_t<kIndex, Variant>;
    if (name == Kind::kName) return Kind{};
    return named_kind<Variant, kIndex + 1>(name, what, known + (kIndex > 0 ? ", \"" : "\"") + Kind::kName + "\"");
  }
}

// body(the alternative that `kind` holds), as std::visit, but inlined: for bodies that a COLLIDE_MULTIVERSION function
// vectorises.
template <std::size_t kIndex = 0, typename... Kinds, typename Body>
COLLIDE_INLINE auto visit_inlined(const std::variant<Kinds...>& kind, const Body& body) {
  if constexpr (kIndex + 1 < sizeof...(Kinds)) {
    if (kind.index() != kIndex) return visit_inlined<kIndex + 1>(kind, body);
  }
  return body(*std::get_if<kIndex>(&kind));
}

}  // namespace collide
