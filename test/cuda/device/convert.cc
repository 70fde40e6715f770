// cvt: between integers, floats and half floats. Built with -frounding-math.
#include <cfenv>
#include <cmath>
#include <limits>

#include "lanes.h"

namespace test_device {

namespace {

using Half = _Float16;

template <typename T>
constexpr bool is_float = std::is_floating_point_v<T> || std::is_same_v<T, Half>;

template <typename R, typename A>
R integer_from_float(A value) {
  const double wide = static_cast<double>(value), whole = std::nearbyint(wide);
  if (std::isnan(wide)) return sizeof(R) == 8 ? static_cast<R>(1ull << 63) : R{0};
  constexpr double past = static_cast<double>(std::numeric_limits<R>::max() / 2 + 1) * 2;
  if (whole >= past) return std::numeric_limits<R>::max();
  if (whole <= static_cast<double>(std::numeric_limits<R>::min())) return std::numeric_limits<R>::min();
  return static_cast<R>(whole);
}

template <typename R, typename A>
R clamped(A value) {
  using Wide = __int128;
  const Wide wide = value, most = std::numeric_limits<R>::max(), least = std::numeric_limits<R>::min();
  return static_cast<R>(wide > most ? most : wide < least ? least : wide);
}

template <typename R>
R unit(R value) {  // .sat
  return value > R{0} ? (value < R{1} ? value : R{1}) : R{0};
}

template <typename R, typename A, int kRounding, bool kWhole, bool kSaturates>
void convert(Warp& warp, const Instruction& i) {
  if constexpr (kRounding != FE_TONEAREST) std::fesetround(kRounding);
  const auto body = [](A value) -> R {
    if constexpr (is_float<A> && !is_float<R>) {
      return integer_from_float<R>(value);
    } else if constexpr (!is_float<A> && !is_float<R>) {
      return kSaturates ? clamped<R>(value) : static_cast<R>(value);
    } else {
      R result = static_cast<R>(value);
      if constexpr (kWhole) result = static_cast<R>(std::nearbyint(static_cast<double>(value)));
      return kSaturates ? unit(result) : result;
    }
  };
  run_lanes<R, A>(warp, i, body, std::index_sequence<0>{});
  if constexpr (kRounding != FE_TONEAREST) std::fesetround(FE_TONEAREST);
}

template <typename R, typename A, int kRounding>
Run rounded(bool whole, bool saturates) {
  if constexpr (!is_float<A> || !is_float<R>) whole = false;
  if (whole) return saturates ? convert<R, A, kRounding, true, true> : convert<R, A, kRounding, true, false>;
  return saturates ? convert<R, A, kRounding, false, true> : convert<R, A, kRounding, false, false>;
}

template <typename R, typename A>
Run conversion_of(Opcode& op) {
  const bool saturates = op.take("sat");
  const std::string_view mode = op.take_one({"rni", "rzi", "rmi", "rpi", "rn", "rz", "rm", "rp"});
  const bool whole = mode.ends_with('i');
  if constexpr (is_float<A> || is_float<R>) {
    if (mode.starts_with("rz")) return rounded<R, A, FE_TOWARDZERO>(whole, saturates);
    if (mode.starts_with("rm")) return rounded<R, A, FE_DOWNWARD>(whole, saturates);
    if (mode.starts_with("rp")) return rounded<R, A, FE_UPWARD>(whole, saturates);
  }
  return rounded<R, A, FE_TONEAREST>(whole, saturates);
}

template <typename F>
Run with_any(std::string_view type, F make) {
  if (type == "s8") return make(Type<std::int8_t>{});
  if (type == "u8") return make(Type<std::uint8_t>{});
  if (type == "f16") return make(Type<Half>{});
  if (type == "f32") return make(Type<float>{});
  if (type == "f64") return make(Type<double>{});
  return with_integer(type, make);
}

}  // namespace

Run conversion(Opcode& op) {
  if (op.name != "cvt") return nullptr;
  const std::string_view from = op.take_type(), to = op.take_type();
  return with_any(from, [&]<typename A>(Type<A>) {
    return with_any(to, [&]<typename R>(Type<R>) { return conversion_of<R, A>(op); });
  });
}

}  // namespace test_device
