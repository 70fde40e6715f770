// The ops that a head may have.
#pragma once

#include <string>
#include <vector>

#include "core/dense/op.h"

namespace collide {

// Throws Error INVALID_ARGUMENT that names those there are.
const OpKind& op_kind(const std::string& name, const std::string& where);

// A value that is found by an op's kind, in a list of pairs; null if it is not there.
template <typename T>
const T* of_kind(const std::vector<std::pair<const OpKind*, T>>& list, const OpKind* kind) {
  for (const auto& [key, value] : list) {
    if (key == kind) return &value;
  }
  return nullptr;
}

}  // namespace collide
