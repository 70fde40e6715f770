// Floating-point arithmetic with its four roundings. Built with -frounding-math -ffp-contract=off. The approximate
// functions (ex2, lg2, rsqrt, ...) are computed as well as the host can, not with a device's few bits less: results
// that depend on them need a tolerance.
#include <cfenv>
#include <cmath>
#include <limits>

#include "lanes.h"

namespace test_device {

namespace {

// Arithmetic in single precision gives this NaN alone.
float canonical(float value) {
  return std::isnan(value) ? std::bit_cast<float>(0x7fffffffu) : value;
}
double canonical(double value) {
  return value;
}

template <int kRounding, typename R, typename... A, typename F>
Run rounded(F) {
  return [](Warp& warp, const Instruction& i) {
    if constexpr (kRounding != FE_TONEAREST) std::fesetround(kRounding);
    run_lanes<R, A...>(
        warp, i, [](A... operands) { return canonical(F{}(operands...)); }, std::index_sequence_for<A...>{});
    if constexpr (kRounding != FE_TONEAREST) std::fesetround(FE_TONEAREST);
  };
}

template <typename R, typename... A, typename F>
Run with_rounding(Opcode& op, F body) {
  const std::string_view mode = op.take_one({"rn", "rz", "rm", "rp"});
  if (mode == "rz") return rounded<FE_TOWARDZERO, R, A...>(body);
  if (mode == "rm") return rounded<FE_DOWNWARD, R, A...>(body);
  if (mode == "rp") return rounded<FE_UPWARD, R, A...>(body);
  return rounded<FE_TONEAREST, R, A...>(body);
}

template <typename T>
T smaller(T a, T b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

template <typename T>
T larger(T a, T b) {
  return -smaller(-a, -b);
}

template <typename T>
Run arithmetic(Opcode& op) {
  const std::string_view name = op.name;
  if (name == "add") return with_rounding<T, T, T>(op, [](T a, T b) { return a + b; });
  if (name == "sub") return with_rounding<T, T, T>(op, [](T a, T b) { return a - b; });
  if (name == "mul") return with_rounding<T, T, T>(op, [](T a, T b) { return a * b; });
  if (name == "fma" || name == "mad") {
    return with_rounding<T, T, T, T>(op, [](T a, T b, T c) { return std::fma(a, b, c); });
  }
  if (name == "min") return rounded<FE_TONEAREST, T, T, T>([](T a, T b) { return smaller(a, b); });
  if (name == "max") return rounded<FE_TONEAREST, T, T, T>([](T a, T b) { return larger(a, b); });
  if (name == "abs") return lanes<T, T>([](T a) { return std::fabs(a); });
  if (name == "neg") return lanes<T, T>([](T a) { return -a; });
  if (name == "copysign") return lanes<T, T, T>([](T a, T b) { return std::copysign(b, a); });
  op.take_one({"approx", "full"});
  if (name == "div") return with_rounding<T, T, T>(op, [](T a, T b) { return a / b; });
  if (name == "rcp") return with_rounding<T, T>(op, [](T a) { return T{1} / a; });
  if (name == "sqrt") return with_rounding<T, T>(op, [](T a) { return std::sqrt(a); });
  return nullptr;
}

template <typename F>
Run approximation(F) {
  return rounded<FE_TONEAREST, float, float>([](float a) { return static_cast<float>(F{}(static_cast<double>(a))); });
}

Run approximation_of(Opcode& op) {
  op.take("approx");
  if (op.take_type() != "f32") return nullptr;
  if (op.name == "ex2") return approximation([](double a) { return std::exp2(a); });
  if (op.name == "lg2") return approximation([](double a) { return std::log2(a); });
  if (op.name == "rsqrt") return approximation([](double a) { return 1 / std::sqrt(a); });
  if (op.name == "sin") return approximation([](double a) { return std::sin(a); });
  if (op.name == "cos") return approximation([](double a) { return std::cos(a); });
  if (op.name == "tanh") return approximation([](double a) { return std::tanh(a); });
  return nullptr;
}

}  // namespace

Run floating_operation(Opcode& op) {
  if (op.is_one_of({"ex2", "lg2", "rsqrt", "sin", "cos", "tanh"})) {
    op.take("ftz");
    return approximation_of(op);
  }
  if (!op.is_one_of(
          {"add", "sub", "mul", "fma", "mad", "min", "max", "abs", "neg", "div", "rcp", "sqrt", "copysign"})) {
    return nullptr;
  }
  return with_float(op.take_type(), [&]<typename T>(Type<T>) { return arithmetic<T>(op); });
}

}  // namespace test_device
