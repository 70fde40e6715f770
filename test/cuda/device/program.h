// A kernel decoded for execution: a dense array of instructions, each with the function that runs it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "module.h"

namespace test_device {

class Warp;
struct Instruction;
using Run = void (*)(Warp&, const Instruction&);

// One register of a warp: a value per lane, in the low bits.
struct Row {
  std::uint64_t lane[32];

  template <typename T>
  T get(int l) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(lane[l]);
    } else {
      T value;
      __builtin_memcpy(&value, &lane[l], sizeof value);
      return value;
    }
  }
  template <typename T>
  void set(int l, T value) {
    if constexpr (std::is_integral_v<T>) {
      lane[l] = static_cast<std::uint64_t>(value);
    } else {
      lane[l] = 0;
      __builtin_memcpy(&lane[l], &value, sizeof value);
    }
  }
};

enum class Reduce : std::uint8_t { kNone, kAnd, kOr, kCount };

struct Instruction {
  Run run = nullptr;
  // In the order of the PTX. Registers: a row, or ~k for constant k. Predicates: a number, or ~number for !p.
  std::array<std::int32_t, 8> operand{};
  bool guarded = false;
  std::int32_t guard = 0;    // predicate
  std::uint32_t target = 0;  // of a branch
  std::int32_t table = -1;   // of brx.idx
  std::int64_t offset = 0;   // added to the address
  Space space = Space::kGeneric;
  std::uint8_t vector = 1;        // elements of a load or store
  bool strong = false;            // volatile, relaxed or stronger, atomic: ordered by the memory itself
  bool fences = false;            // publishes earlier writes to other blocks
  bool read_only = false;         // ld.global.nc
  bool any_place = false;         // bar.warp.sync: lanes may meet at different ones
  Reduce reduce = Reduce::kNone;  // bar.red
  std::uint32_t line = 0;
};

struct Program {
  const Module* module;
  const Kernel* kernel;
  std::vector<Instruction> code;  // ends with an exit
  std::vector<Row> constants;
  std::vector<std::pair<std::string_view, std::int32_t>> specials;  // special register, its row
  std::uint32_t rows = 0, predicates = 0;
  std::int32_t always = 0;                          // a predicate that is true
  std::uint64_t shared_bytes = 0, local_bytes = 0;  // static; shared with gaps between variables
  std::vector<Variable> shared;                     // static, where they are
  std::uint64_t dynamic_align = 16;

  std::string text_of(const Instruction& instruction) const;
};

// Throws Unsupported naming an instruction that the test device cannot do.
Program decode(const Module& module, const Kernel& kernel);

}  // namespace test_device
