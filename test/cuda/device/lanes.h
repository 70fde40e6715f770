// Makes the function that runs an instruction out of what it does in one lane.
#pragma once

#include <string_view>
#include <type_traits>
#include <utility>

#include "opcode.h"
#include "warp.h"

namespace test_device {

template <typename R, typename... A, typename F, std::size_t... K>
void run_lanes(Warp& warp, const Instruction& i, F body, std::index_sequence<K...>) {
  const Row* sources[] = {&warp.row(i.operand[1 + K])...};
  Row& result = warp.target(i.operand[0]);
  warp.each([&](int l) { result.set<R>(l, static_cast<R>(body(sources[K]->template get<A>(l)...))); });
  warp.set_undefined(i.operand[0], (warp.undefined(i.operand[1 + K]) | ...));
}

// result R = body(operands A...); body has no captures.
template <typename R, typename... A, typename F>
Run lanes(F) {
  static_assert(std::is_empty_v<F>);
  return [](Warp& warp, const Instruction& i) { run_lanes<R, A...>(warp, i, F{}, std::index_sequence_for<A...>{}); };
}

template <typename T>
struct Type {
  using type = T;
};

// make(Type<T>{}) for the PTX type; null for others.
template <typename F>
Run with_integer(std::string_view type, F make) {
  if (type == "s16") return make(Type<std::int16_t>{});
  if (type == "u16") return make(Type<std::uint16_t>{});
  if (type == "s32") return make(Type<std::int32_t>{});
  if (type == "u32") return make(Type<std::uint32_t>{});
  if (type == "s64") return make(Type<std::int64_t>{});
  if (type == "u64") return make(Type<std::uint64_t>{});
  return nullptr;
}

template <typename F>
Run with_bits(std::string_view type, F make) {
  if (type == "b16") return make(Type<std::uint16_t>{});
  if (type == "b32") return make(Type<std::uint32_t>{});
  if (type == "b64") return make(Type<std::uint64_t>{});
  return nullptr;
}

template <typename F>
Run with_float(std::string_view type, F make) {
  if (type == "f32") return make(Type<float>{});
  if (type == "f64") return make(Type<double>{});
  return nullptr;
}

}  // namespace test_device
