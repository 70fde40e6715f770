// A hash function of any kind as plain data that a device can read: the kind's number and its members, without a
// virtual call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>

#include "core/hashing/hash_kind.h"
#include "core/support/error.h"

namespace collide {

template <typename... Kinds>
class AnyKind {
  static_assert((std::is_trivially_copyable_v<Kinds> && ...), "a device gets its bytes");

 public:
  static constexpr std::size_t kKinds = sizeof...(Kinds);
  template <std::size_t k>
  using Kind = std::tuple_element_t<k, std::tuple<Kinds...>>;

  template <typename One>
    requires(std::is_same_v<One, Kinds> || ...)
  AnyKind(const One& kind) : index_(index_of<One>()) {
    std::memcpy(bytes_, &kind, sizeof(kind));
  }

  COLLIDE_HD std::uint32_t index() const { return index_; }
  // The members, for k = index().
  template <std::size_t k>
  COLLIDE_HD const Kind<k>& at() const {
    return *reinterpret_cast<const Kind<k>*>(bytes_);
  }

  template <typename One>
  bool is() const {
    return index_ == index_of<One>();
  }
  // Of a function of that kind.
  template <typename One>
  const One& as() const {
    return at<index_of<One>()>();
  }

  // use(kind), by the kind that it is.
  template <typename Use, std::size_t k = 0>
  auto visit(const Use& use) const {
    if constexpr (k + 1 < kKinds) {
      if (index_ != k) return visit<Use, k + 1>(use);
    }
    return use(at<k>());
  }

  // The same function with its arrays in another place.
  AnyKind reading(const void* mapping) const {
    return visit([mapping](auto kind) -> AnyKind {
      if constexpr (requires { kind.read_from(mapping); }) kind.read_from(mapping);
      return kind;
    });
  }

  // Made::kind and Made::mapping of the kind of that name, as a Result. Throws Error INVALID_ARGUMENT, also for a kind
  // that there is not.
  template <typename Result, std::size_t k = 0>
  static Result read(const std::string& name, const HashParts& parts) {
    if constexpr (k < kKinds) {
      if (name == Kind<k>::kName) return Result(Kind<k>::read(parts));
      return read<Result, k + 1>(name, parts);
    } else {
      std::string known;
      static_cast<void>(((known += known.empty() ? Kinds::kName : std::string(", ") + Kinds::kName), ...));
      fail("INVALID_ARGUMENT", "Expected one of ", known, " for the kind of ", parts.where, ", received \"", name,
           "\"");
    }
  }

 private:
  template <typename One>
  static constexpr std::uint32_t index_of() {
    std::uint32_t index = 0;
    static_cast<void>(((std::is_same_v<One, Kinds> ? true : (++index, false)) || ...));
    return index;
  }

  alignas(8) unsigned char bytes_[std::max({sizeof(Kinds)...})] = {};
  std::uint32_t index_ = 0;
};

}  // namespace collide
