// mov in its forms (a value, a predicate, packing and unpacking) and cvta, between generic addresses and those of a
// space.
#include "finding.h"
#include "lanes.h"

namespace test_device {

namespace {

void move_predicate(Warp& warp, const Instruction& i) {
  warp.set_predicate(i.operand[0], warp.predicate(i.operand[1]), warp.undefined_predicate(i.operand[1]));
}

// d = {a, b, ...}, first operand lowest.
template <int kParts, int kBits>
void pack(Warp& warp, const Instruction& i) {
  std::uint32_t undefined = 0;
  for (int k = 0; k < kParts; ++k) undefined |= warp.undefined(i.operand[1 + k]);
  warp.each([&](int l) {
    std::uint64_t value = 0;
    for (int k = 0; k < kParts; ++k) {
      value |= (warp.row(i.operand[1 + k]).lane[l] & ((1ull << kBits) - 1)) << (k * kBits);
    }
    warp.target(i.operand[0]).lane[l] = value;
  });
  warp.set_undefined(i.operand[0], undefined);
}

// {a, b, ...} = s
template <int kParts, int kBits>
void unpack(Warp& warp, const Instruction& i) {
  const std::uint32_t undefined = warp.undefined(i.operand[kParts]);
  warp.each([&](int l) {
    const std::uint64_t value = warp.row(i.operand[kParts]).lane[l];
    for (int k = 0; k < kParts; ++k) {
      warp.target(i.operand[k]).lane[l] = value >> (k * kBits) & ((1ull << kBits) - 1);
    }
  });
  for (int k = 0; k < kParts; ++k) warp.set_undefined(i.operand[k], undefined);
}

template <std::uint64_t kWindow, bool kToSpace>
void convert_address(Warp& warp, const Instruction& i) {
  const Row& source = warp.row(i.operand[1]);
  Row& result = warp.target(i.operand[0]);
  warp.each([&](int l) { result.lane[l] = kToSpace ? source.lane[l] & (kWindow - 1) : source.lane[l] | kWindow; });
  warp.set_undefined(i.operand[0], warp.undefined(i.operand[1]));
}

template <std::uint64_t kWindow>
Run address_conversion(bool to_space) {
  return to_space ? convert_address<kWindow, true> : convert_address<kWindow, false>;
}

}  // namespace

Run move(Opcode& op, const Statement& statement) {
  using U64 = std::uint64_t;
  if (op.name == "cvta") {
    const bool to_space = op.take("to");
    const std::string_view space = op.take_one({"global", "const", "shared", "local", "param"});
    op.take_one({"u64", "u32"});
    if (space == "shared") return address_conversion<kSharedWindow>(to_space);
    if (space == "local") return address_conversion<kLocalWindow>(to_space);
    if (space == "param") return address_conversion<kParamWindow>(to_space);
    return lanes<U64, U64>([](U64 a) { return a; });
  }
  if (op.name != "mov") return nullptr;
  const std::string_view type = op.take_type();
  if (type == "pred") return move_predicate;
  if (statement.group_ends.size() != 2) return nullptr;
  const std::size_t to = statement.group_ends[0], from = statement.group_ends[1] - to;
  if (to == 1 && from == 1) return lanes<U64, U64>([](U64 a) { return a; });
  if (type == "b64" && from == 2) return pack<2, 32>;
  if (type == "b64" && from == 4) return pack<4, 16>;
  if (type == "b32" && from == 2) return pack<2, 16>;
  if (type == "b32" && from == 4) return pack<4, 8>;
  if (type == "b64" && to == 2) return unpack<2, 32>;
  if (type == "b64" && to == 4) return unpack<4, 16>;
  if (type == "b32" && to == 2) return unpack<2, 16>;
  if (type == "b32" && to == 4) return unpack<4, 8>;
  return nullptr;
}

}  // namespace test_device
