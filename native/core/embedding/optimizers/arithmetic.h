// What the steps of rows' optimizers have in common. A step is written for any Value: a float, or a vector of floats
// whose lanes are columns side by side.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "core/support/portable.h"

// As in cpu/support/float8.h: vectors are returned by inlined functions alone, which have no ABI.
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace collide {

// The root of every lane; vectorised with -fno-math-errno.
template <typename Value>
COLLIDE_HD_INLINE Value square_root(const Value& x) {
  if constexpr (std::is_same_v<Value, float>) {
    return std::sqrt(x);
  } else {
    Value root = x;
    float lanes[sizeof(Value) / sizeof(float)];
    __builtin_memcpy(lanes, &root, sizeof(lanes));
    for (float& lane : lanes) lane = std::sqrt(lane);
    __builtin_memcpy(&root, lanes, sizeof(lanes));
    return root;
  }
}

// 1 - learning_rate * weight_decay: the factor of the old weights.
inline float kept_share(float learning_rate, float weight_decay) {
  return static_cast<float>(1 - double{learning_rate} * weight_decay);
}

// base^exponent by squaring: its bits do not depend on a library.
inline double power(double base, std::uint64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if ((exponent & 1) != 0) result *= base;
  }
  return result;
}

// 1 / (1 - beta^step)
inline float bias_correction(float beta, std::uint64_t step) {
  return static_cast<float>(1 / (1 - power(beta, step)));
}

// 1 - beta
inline float new_share(float beta) {
  return static_cast<float>(1 - double{beta});
}

}  // namespace collide
