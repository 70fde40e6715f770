#include "core/support/gradients.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/support/error.h"
#include "core/support/multiversion.h"

namespace collide {

// Without a sign, floats are ordered as their bits are; infinities and NaNs come last.
COLLIDE_MULTIVERSION
bool gradients_fit(const float* values, std::size_t count, float most) {
  const auto bits = std::bit_cast<std::int32_t>(most);
  std::int32_t beyond = 0;
  for (std::size_t i = 0; i < count; ++i) {
    beyond |= bits - (std::bit_cast<std::int32_t>(values[i]) & 0x7fffffff);  // negative for what is too large
  }
  return beyond >= 0;
}

void fail_gradient(const float* values, std::size_t count, float most) {
  std::size_t i = 0;
  while (i < count && std::abs(values[i]) <= most) ++i;  // false for NaN
  fail("INVALID_ARGUMENT", "Expected numbers from -", most, " to ", most, " for gradient[", i, "], received ",
       values[i], ": the optimizer's sums of squares would not stay finite");
}

}  // namespace collide
