// The words for the enumerators of an enum, tied to it by the compiler: a table with a word too few or too many, or in
// another order than the enum's, does not compile.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/support/error.h"

namespace collide {

// Whether an enum has a name for a value: compilers write a value without one as a number, `(Enum)3` or `3`.
template <auto kValue>
consteval bool is_enumerator() {
  constexpr std::string_view signature = __PRETTY_FUNCTION__;
  constexpr std::size_t equals = signature.find('=', signature.rfind("kValue"));
  constexpr char first = signature[signature.find_first_not_of(' ', equals + 1)];
  return first != '(' && first != '-' && !(first >= '0' && first <= '9');
}

// Enumerators of an enum that counts from 0 without a gap.
template <typename Enum, std::size_t kFrom = 0>
consteval std::size_t enumerator_count() {
  if constexpr (is_enumerator<static_cast<Enum>(kFrom)>()) {
    return enumerator_count<Enum, kFrom + 1>();
  } else {
    return kFrom;
  }
}

template <typename Enum>
struct Named {
  const char* word;
  Enum value;
};

// constexpr Names<Pooling> kPoolings({{"sum", Pooling::kSum}, {"mean", Pooling::kMean}, {"none", Pooling::kNone}});
template <typename Enum>
class Names {
 public:
  static constexpr std::size_t kCount = enumerator_count<Enum>();

  template <std::size_t kGiven>
  consteval Names(const Named<Enum> (&entries)[kGiven]) {
    static_assert(kGiven == kCount, "every enumerator has one word");
    for (std::size_t i = 0; i < kCount; ++i) {
      if (static_cast<std::size_t>(entries[i].value) != i) throw "the words stand in the order of the enumerators";
      words_[i] = entries[i].word;
    }
  }

  constexpr const char* word(Enum value) const { return words_[static_cast<std::size_t>(value)]; }

  // Throws Error INVALID_ARGUMENT, which names the words there are.
  Enum value(const std::string& word, const std::string& where) const {
    std::string allowed;
    for (std::size_t i = 0; i < kCount; ++i) {
      if (word == words_[i]) return static_cast<Enum>(i);
      allowed += std::string(i == 0 ? "\"" : i + 1 == kCount ? " or \"" : ", \"") + words_[i] + "\"";
    }
    fail("INVALID_ARGUMENT", "Expected ", allowed, " for ", where, ", received \"", word, "\"");
  }

 private:
  const char* words_[kCount] = {};
};

}  // namespace collide
