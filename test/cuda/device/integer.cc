// Integer arithmetic and bit fields. Built with -fwrapv: signed overflow wraps, as on the device.
#include <bit>
#include <limits>

#include "lanes.h"

namespace test_device {

namespace {

template <typename T>
struct Wider;
template <>
struct Wider<std::int16_t> : Type<std::int32_t> {};
template <>
struct Wider<std::uint16_t> : Type<std::uint32_t> {};
template <>
struct Wider<std::int32_t> : Type<std::int64_t> {};
template <>
struct Wider<std::uint32_t> : Type<std::uint64_t> {};
template <>
struct Wider<std::int64_t> : Type<__int128> {};
template <>
struct Wider<std::uint64_t> : Type<unsigned __int128> {};
template <typename T>
using Wide = typename Wider<T>::type;

template <typename T>
T high(T a, T b) {
  return static_cast<T>((static_cast<Wide<T>>(a) * b) >> (8 * sizeof(T)));
}

template <typename T>
T low(T a, T b) {
  return static_cast<T>(static_cast<Wide<T>>(a) * b);
}

// Division by zero gives all ones; the smallest number by -1 itself.
template <typename T>
T quotient(T a, T b) {
  if (b == 0) return static_cast<T>(-1);
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(-a);
  return static_cast<T>(a / b);
}

template <typename T>
T remainder(T a, T b) {
  if (b == 0) return a;
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
  return static_cast<T>(a % b);
}

template <typename T>
T clamped_left(T a, std::uint32_t by) {
  return by >= 8 * sizeof(T) ? T{0} : static_cast<T>(a << by);
}

template <typename T>
T clamped_right(T a, std::uint32_t by) {
  if (by >= 8 * sizeof(T)) return std::is_signed_v<T> && a < 0 ? static_cast<T>(-1) : T{0};
  return static_cast<T>(a >> by);
}

template <typename T>
T extracted(T value, std::uint32_t position, std::uint32_t length) {
  constexpr std::uint32_t bits = 8 * sizeof(T);
  using U = std::make_unsigned_t<T>;
  position &= 0xff;
  length &= 0xff;
  const std::uint32_t top = std::min(position + length - 1, bits - 1);
  const bool sign = std::is_signed_v<T> && length > 0 && (static_cast<U>(value) >> top & 1) != 0;
  U result = 0;
  for (std::uint32_t k = 0; k < bits; ++k) {
    const bool bit = k < length && position + k < bits ? (static_cast<U>(value) >> (position + k) & 1) != 0 : sign;
    result |= static_cast<U>(bit) << k;
  }
  return static_cast<T>(result);
}

template <typename T>
T inserted(T field, T base, std::uint32_t position, std::uint32_t length) {
  position &= 0xff;
  length &= 0xff;
  for (std::uint32_t k = 0; k < length && position + k < 8 * sizeof(T); ++k) {
    const T bit = T{1} << (position + k);
    base = static_cast<T>((base & ~bit) | ((field >> k & 1) << (position + k)));
  }
  return base;
}

std::uint32_t permuted(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t both = std::uint64_t{b} << 32 | a;
  std::uint32_t result = 0;
  for (int k = 0; k < 4; ++k) {
    const std::uint32_t code = selector >> (4 * k) & 15;
    std::uint32_t byte = both >> (8 * (code & 7)) & 0xff;
    if ((code & 8) != 0) byte = (byte & 0x80) != 0 ? 0xff : 0;  // the sign, spread
    result |= byte << (8 * k);
  }
  return result;
}

template <typename T>
T reversed(T value) {
  T result = 0;
  for (std::size_t k = 0; k < 8 * sizeof(T); ++k) result |= (value >> k & 1) << (8 * sizeof(T) - 1 - k);
  return result;
}

// The highest bit that differs from the sign, or all ones.
template <typename T>
std::uint32_t highest(T value) {
  using U = std::make_unsigned_t<T>;
  const U bits = static_cast<U>(std::is_signed_v<T> && value < 0 ? ~value : value);
  return static_cast<std::uint32_t>(std::bit_width(bits)) - 1;
}

template <typename T>
Run multiplication(Opcode& op, bool adds) {
  const std::string_view half = op.take_one({"lo", "hi", "wide"});
  if (half == "lo") {
    return adds ? lanes<T, T, T, T>([](T a, T b, T c) { return low(a, b) + c; })
                : lanes<T, T, T>([](T a, T b) { return low(a, b); });
  }
  if (half == "hi") {
    return adds ? lanes<T, T, T, T>([](T a, T b, T c) { return high(a, b) + c; })
                : lanes<T, T, T>([](T a, T b) { return high(a, b); });
  }
  if constexpr (sizeof(T) < 8) {
    using W = Wide<T>;
    if (half == "wide") {
      return adds ? lanes<W, T, T, W>([](T a, T b, W c) { return static_cast<W>(a) * b + c; })
                  : lanes<W, T, T>([](T a, T b) { return static_cast<W>(a) * b; });
    }
  }
  return nullptr;
}

enum class Carried { kAdd, kSubtract, kLow, kHigh };

// add.cc, addc and their kin: what is added or subtracted, the carry in and out.
template <typename T, Carried kWhat, bool kIn, bool kOut>
void with_carry(Warp& warp, const Instruction& i) {
  using U = std::make_unsigned_t<T>;
  constexpr bool multiplies = kWhat == Carried::kLow || kWhat == Carried::kHigh;
  std::uint32_t undefined = warp.undefined(i.operand[1]) | warp.undefined(i.operand[2]);
  if (multiplies) undefined |= warp.undefined(i.operand[3]);
  warp.each([&](int l) {
    U a = warp.row(i.operand[1]).get<U>(l), b = warp.row(i.operand[2]).get<U>(l);
    if constexpr (multiplies) {
      const T x = static_cast<T>(a), y = static_cast<T>(b);
      a = static_cast<U>(kWhat == Carried::kHigh ? high(x, y) : low(x, y));
      b = warp.row(i.operand[3]).get<U>(l);
    }
    const unsigned carry = kIn ? warp.carry >> l & 1 : 0;
    U result;
    bool out;
    if constexpr (kWhat == Carried::kSubtract) {
      result = a - b - carry;
      out = a < b || (a == b && carry != 0);
    } else {
      result = a + b + carry;
      out = result < a || (carry != 0 && result == a);
    }
    warp.target(i.operand[0]).set(l, result);
    if (kOut) warp.carry = (warp.carry & ~(1u << l)) | (out ? 1u << l : 0);
  });
  warp.set_undefined(i.operand[0], undefined);
}

template <typename T, Carried kWhat>
Run carried(bool in, bool out) {
  if (in) return out ? with_carry<T, kWhat, true, true> : with_carry<T, kWhat, true, false>;
  return out ? with_carry<T, kWhat, false, true> : nullptr;
}

Run carried_operation(Opcode& op) {
  const bool in = op.name.ends_with('c'), out = op.take("cc");
  const std::string_view base = in ? op.name.substr(0, op.name.size() - 1) : op.name;
  return with_integer(op.take_type(), [&]<typename T>(Type<T>) -> Run {
    if (base == "add") return carried<T, Carried::kAdd>(in, out);
    if (base == "sub") return carried<T, Carried::kSubtract>(in, out);
    if (base == "mad" && op.take("lo")) return carried<T, Carried::kLow>(in, out);
    if (base == "mad" && op.take("hi")) return carried<T, Carried::kHigh>(in, out);
    return nullptr;
  });
}

// Operations of two operands of one type, and of one.
template <typename T>
Run arithmetic(std::string_view name) {
  if (name == "add") return lanes<T, T, T>([](T a, T b) { return a + b; });
  if (name == "sub") return lanes<T, T, T>([](T a, T b) { return a - b; });
  if (name == "div") return lanes<T, T, T>([](T a, T b) { return quotient(a, b); });
  if (name == "rem") return lanes<T, T, T>([](T a, T b) { return remainder(a, b); });
  if (name == "min") return lanes<T, T, T>([](T a, T b) { return std::min(a, b); });
  if (name == "max") return lanes<T, T, T>([](T a, T b) { return std::max(a, b); });
  if (name == "abs") return lanes<T, T>([](T a) { return a < 0 ? -a : a; });
  if (name == "neg") return lanes<T, T>([](T a) { return -a; });
  if (name == "sad") return lanes<T, T, T, T>([](T a, T b, T c) { return c + (a < b ? b - a : a - b); });
  if (name == "shr") return lanes<T, T, std::uint32_t>([](T a, std::uint32_t by) { return clamped_right(a, by); });
  if constexpr (sizeof(T) >= 4) {
    using U32 = std::uint32_t;
    if (name == "bfe") return lanes<T, T, U32, U32>([](T a, U32 at, U32 n) { return extracted(a, at, n); });
    if (name == "bfind") return lanes<U32, T>([](T a) { return highest(a); });
  }
  return nullptr;
}

template <typename T>
Run bits(Opcode& op) {
  using U32 = std::uint32_t;
  if (op.name == "popc") return lanes<U32, T>([](T a) { return std::popcount(a); });
  if (op.name == "clz") return lanes<U32, T>([](T a) { return std::countl_zero(a); });
  if (op.name == "brev") return lanes<T, T>([](T a) { return reversed(a); });
  if (op.name == "shl") return lanes<T, T, U32>([](T a, U32 by) { return clamped_left(a, by); });
  if (op.name == "shr") return lanes<T, T, U32>([](T a, U32 by) { return clamped_right(a, by); });
  if (op.name == "bfi") return lanes<T, T, T, U32, U32>([](T a, T b, U32 at, U32 n) { return inserted(a, b, at, n); });
  return nullptr;
}

Run word_operation(Opcode& op) {
  using U32 = std::uint32_t;
  if (op.name == "prmt") return lanes<U32, U32, U32, U32>([](U32 a, U32 b, U32 s) { return permuted(a, b, s); });
  if (op.name == "lop3") {
    return lanes<U32, U32, U32, U32, U32>([](U32 a, U32 b, U32 c, U32 table) {
      U32 result = 0;
      for (U32 k = 0; k < 8; ++k) {
        if ((table >> k & 1) != 0) result |= ((k & 4) ? a : ~a) & ((k & 2) ? b : ~b) & ((k & 1) ? c : ~c);
      }
      return result;
    });
  }
  if (op.name == "bmsk") {
    const bool wraps = op.take_one({"clamp", "wrap"}) == "wrap";
    if (wraps) {
      return lanes<U32, U32, U32>([](U32 at, U32 n) { return clamped_left(clamped_left(1u, n & 31) - 1, at & 31); });
    }
    return lanes<U32, U32, U32>([](U32 at, U32 n) { return clamped_left(n >= 32 ? ~0u : (1u << n) - 1, at); });
  }
  if (op.name == "shf") {  // the 64 bits b:a
    const bool left = op.take_one({"l", "r"}) == "l", wraps = op.take_one({"wrap", "clamp"}) == "wrap";
    const auto both = [](U32 a, U32 b) { return std::uint64_t{b} << 32 | a; };
    using Both = decltype(both);
    if (left && wraps)
      return lanes<U32, U32, U32, U32>([](U32 a, U32 b, U32 n) { return Both{}(a, b) << (n & 31) >> 32; });
    if (left)
      return lanes<U32, U32, U32, U32>([](U32 a, U32 b, U32 n) { return Both{}(a, b) << std::min(n, 32u) >> 32; });
    if (wraps) return lanes<U32, U32, U32, U32>([](U32 a, U32 b, U32 n) { return Both{}(a, b) >> (n & 31); });
    return lanes<U32, U32, U32, U32>([](U32 a, U32 b, U32 n) { return Both{}(a, b) >> std::min(n, 32u); });
  }
  return nullptr;
}

}  // namespace

Run integer_operation(Opcode& op) {
  if (op.has("f16") || op.has("f32") || op.has("f64") || op.has("bf16")) return nullptr;
  if (op.has("cc") || op.is_one_of({"addc", "subc", "madc"})) return carried_operation(op);
  if (op.is_one_of({"prmt", "lop3", "bmsk", "shf"})) return op.take_type() == "b32" ? word_operation(op) : nullptr;
  const bool of_bits = op.has("b16") || op.has("b32") || op.has("b64");
  if (op.is_one_of({"popc", "clz", "brev", "shl", "bfi"}) || (op.name == "shr" && of_bits)) {
    return with_bits(op.take_type(), [&]<typename T>(Type<T>) { return bits<T>(op); });
  }
  if (!op.is_one_of(
          {"add", "sub", "mul", "mad", "div", "rem", "min", "max", "abs", "neg", "sad", "bfe", "bfind", "shr"})) {
    return nullptr;
  }
  return with_integer(op.take_type(), [&]<typename T>(Type<T>) {
    if (op.name == "mul" || op.name == "mad") return multiplication<T>(op, op.name == "mad");
    return arithmetic<T>(op.name);
  });
}

}  // namespace test_device
