// Comparisons, predicates, selection, bitwise logic.
#include <cmath>

#include "lanes.h"

namespace test_device {

namespace {

template <typename F>
std::uint32_t bits_of(F body) {
  std::uint32_t bits = 0;
  for (int l = 0; l < 32; ++l) bits |= static_cast<std::uint32_t>(body(l)) << l;
  return bits;
}

enum class Join { kNone, kAnd, kOr, kXor };

// setp p|q, a, b [, c]: p = (a ? b) join c, q = !(a ? b) join c.
template <typename T, Join kJoin, typename F>
void compare(Warp& warp, const Instruction& i) {
  const Row &a = warp.row(i.operand[2]), &b = warp.row(i.operand[3]);
  std::uint32_t yes = bits_of([&](int l) { return F{}(a.get<T>(l), b.get<T>(l)); }), no = ~yes;
  std::uint32_t undefined = warp.undefined(i.operand[2]) | warp.undefined(i.operand[3]);
  if constexpr (kJoin != Join::kNone) {
    const std::uint32_t c = warp.predicate(i.operand[4]);
    undefined |= warp.undefined_predicate(i.operand[4]);
    const auto join = [&](std::uint32_t x) { return kJoin == Join::kAnd ? x & c : kJoin == Join::kOr ? x | c : x ^ c; };
    yes = join(yes);
    no = join(no);
  }
  warp.set_predicate(i.operand[0], yes, undefined);
  warp.set_predicate(i.operand[1], no, undefined);
}

template <typename T, typename F>
Run comparison(Opcode& op, F) {
  if (op.take("and")) return compare<T, Join::kAnd, F>;
  if (op.take("or")) return compare<T, Join::kOr, F>;
  if (op.take("xor")) return compare<T, Join::kXor, F>;
  return compare<T, Join::kNone, F>;
}

template <typename T>
Run comparison(Opcode& op) {
  const std::string_view how = op.take_one({"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu",
                                            "ltu", "leu", "gtu", "geu", "num", "nan"});
  if (how == "eq") return comparison<T>(op, [](T a, T b) { return a == b; });
  if (how == "lt" || how == "lo") return comparison<T>(op, [](T a, T b) { return a < b; });
  if (how == "le" || how == "ls") return comparison<T>(op, [](T a, T b) { return a <= b; });
  if (how == "gt" || how == "hi") return comparison<T>(op, [](T a, T b) { return a > b; });
  if (how == "ge" || how == "hs") return comparison<T>(op, [](T a, T b) { return a >= b; });
  if constexpr (std::is_floating_point_v<T>) {  // ne is false, neu true when there is a NaN
    if (how == "ne") return comparison<T>(op, [](T a, T b) { return a < b || a > b; });
    if (how == "neu") return comparison<T>(op, [](T a, T b) { return a != b; });
    if (how == "equ") return comparison<T>(op, [](T a, T b) { return !(a < b || a > b); });
    if (how == "ltu") return comparison<T>(op, [](T a, T b) { return !(a >= b); });
    if (how == "leu") return comparison<T>(op, [](T a, T b) { return !(a > b); });
    if (how == "gtu") return comparison<T>(op, [](T a, T b) { return !(a <= b); });
    if (how == "geu") return comparison<T>(op, [](T a, T b) { return !(a < b); });
    if (how == "num") return comparison<T>(op, [](T a, T b) { return !std::isnan(a) && !std::isnan(b); });
    if (how == "nan") return comparison<T>(op, [](T a, T b) { return std::isnan(a) || std::isnan(b); });
  } else if (how == "ne") {
    return comparison<T>(op, [](T a, T b) { return a != b; });
  }
  return nullptr;
}

template <typename T>
void select(Warp& warp, const Instruction& i) {
  const std::uint32_t first = warp.predicate(i.operand[3]);
  const Row &a = warp.row(i.operand[1]), &b = warp.row(i.operand[2]);
  Row& result = warp.target(i.operand[0]);
  warp.each([&](int l) { result.set(l, (first >> l & 1) != 0 ? a.get<T>(l) : b.get<T>(l)); });
  warp.set_undefined(i.operand[0], (warp.undefined(i.operand[1]) & first) | (warp.undefined(i.operand[2]) & ~first) |
                                       warp.undefined_predicate(i.operand[3]));
}

template <typename T>
Run bitwise(std::string_view name) {
  if (name == "and") return lanes<T, T, T>([](T a, T b) { return a & b; });
  if (name == "or") return lanes<T, T, T>([](T a, T b) { return a | b; });
  if (name == "xor") return lanes<T, T, T>([](T a, T b) { return a ^ b; });
  if (name == "not") return lanes<T, T>([](T a) { return ~a; });
  if (name == "cnot") return lanes<T, T>([](T a) { return a == 0; });
  return nullptr;
}

// A predicate is defined where one operand decides it alone.
void and_predicates(Warp& warp, const Instruction& i) {
  const std::uint32_t a = warp.predicate(i.operand[1]), b = warp.predicate(i.operand[2]);
  const std::uint32_t ua = warp.undefined_predicate(i.operand[1]), ub = warp.undefined_predicate(i.operand[2]);
  const std::uint32_t decided = (~a & ~ua) | (~b & ~ub);
  warp.set_predicate(i.operand[0], a & b & ~(decided & (ua | ub)), (ua | ub) & ~decided);
}

void or_predicates(Warp& warp, const Instruction& i) {
  const std::uint32_t a = warp.predicate(i.operand[1]), b = warp.predicate(i.operand[2]);
  const std::uint32_t ua = warp.undefined_predicate(i.operand[1]), ub = warp.undefined_predicate(i.operand[2]);
  const std::uint32_t decided = (a & ~ua) | (b & ~ub);
  warp.set_predicate(i.operand[0], a | b, (ua | ub) & ~decided);
}

void xor_predicates(Warp& warp, const Instruction& i) {
  warp.set_predicate(i.operand[0], warp.predicate(i.operand[1]) ^ warp.predicate(i.operand[2]),
                     warp.undefined_predicate(i.operand[1]) | warp.undefined_predicate(i.operand[2]));
}

void not_predicate(Warp& warp, const Instruction& i) {
  warp.set_predicate(i.operand[0], ~warp.predicate(i.operand[1]), warp.undefined_predicate(i.operand[1]));
}

Run predicate_operation(std::string_view name) {
  if (name == "and") return and_predicates;
  if (name == "or") return or_predicates;
  if (name == "xor") return xor_predicates;
  return name == "not" ? not_predicate : nullptr;
}

// Any type as bits of its width.
template <typename F>
Run with_width(std::string_view type, F make) {
  if (type.ends_with("16")) return make(Type<std::uint16_t>{});
  if (type.ends_with("32")) return make(Type<std::uint32_t>{});
  if (type.ends_with("64")) return make(Type<std::uint64_t>{});
  return nullptr;
}

template <typename T>
Run choice_by_sign(std::string_view sign) {  // slct: c >= 0 ? a : b
  if (sign == "s32") return lanes<T, T, T, std::int32_t>([](T a, T b, std::int32_t c) { return c >= 0 ? a : b; });
  if (sign == "f32") return lanes<T, T, T, float>([](T a, T b, float c) { return c >= 0 ? a : b; });
  return nullptr;
}

}  // namespace

Run logic(Opcode& op) {
  if (op.name == "setp") {
    const std::string_view type = op.take_type();
    if (Run run = with_integer(type, [&]<typename T>(Type<T>) { return comparison<T>(op); })) return run;
    if (Run run = with_bits(type, [&]<typename T>(Type<T>) { return comparison<T>(op); })) return run;
    return with_float(type, [&]<typename T>(Type<T>) { return comparison<T>(op); });
  }
  if (op.name == "selp") {
    return with_width(op.take_type(), []<typename T>(Type<T>) -> Run { return select<T>; });
  }
  if (op.name == "slct") {
    const std::string_view sign = op.take_type();
    return with_width(op.take_type(), [&]<typename T>(Type<T>) { return choice_by_sign<T>(sign); });
  }
  if (!op.is_one_of({"and", "or", "xor", "not", "cnot"})) return nullptr;
  if (op.take("pred")) return predicate_operation(op.name);
  return with_bits(op.take_type(), [&]<typename T>(Type<T>) { return bitwise<T>(op.name); });
}

}  // namespace test_device
