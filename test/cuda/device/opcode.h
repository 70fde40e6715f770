// An opcode split at its dots. The families (integer.cc, floating.cc, ...) take the parts they understand; an
// instruction with a part that nobody took is unsupported.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "program.h"

namespace test_device {

class Opcode {
 public:
  explicit Opcode(std::string_view text) {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('.', at), text.size());
      parts_.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    name = parts_[0];
    parts_.erase(parts_.begin());
    all_ = parts_;
  }

  bool take(std::string_view part) {
    for (auto i = parts_.begin(); i != parts_.end(); ++i) {
      if (*i != part) continue;
      parts_.erase(i);
      return true;
    }
    return false;
  }
  // Takes the first of `choices` that is there; empty if none.
  std::string_view take_one(std::initializer_list<std::string_view> choices) {
    for (const std::string_view choice : choices) {
      if (take(choice)) return choice;
    }
    return {};
  }
  std::string_view take_type() {
    if (parts_.empty()) return {};
    const std::string_view type = parts_.back();
    parts_.pop_back();
    return type;
  }
  bool has(std::string_view part) const { return std::find(all_.begin(), all_.end(), part) != all_.end(); }
  bool is_one_of(std::initializer_list<std::string_view> names) const {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
  bool all_taken() const { return parts_.empty(); }

  std::string_view name;

 private:
  std::vector<std::string_view> parts_, all_;
};

// The families. Null: not of this family, or not with this type.
Run integer_operation(Opcode& op);
Run floating_operation(Opcode& op);
Run conversion(Opcode& op);
Run logic(Opcode& op);
Run move(Opcode& op, const Statement& statement);
Run memory_access(Opcode& op, Instruction& instruction);
Run collective(Opcode& op, Instruction& instruction);
Run control(Opcode& op);

}  // namespace test_device
