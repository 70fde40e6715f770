// A PTX module as data: variables and kernels, each kernel a list of statements with resolved names. Parsed once, at
// registration; opcodes get their meaning later, in decode.cc.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace test_device {

enum class Space : std::uint8_t { kGeneric, kGlobal, kShared, kLocal, kParam };

struct Variable {
  std::string name;
  Space space;
  std::uint64_t bytes, align;
  std::string initial;  // bytes; shorter than `bytes`: zeros follow
  bool constant = false, dynamic = false;
  std::uint64_t address = 0;  // where its space begins it; of globals, on the device
};

struct Operand {
  enum Kind : std::uint8_t { kRegister, kPredicate, kNumber, kSymbol, kSpecial, kSink, kAddress } kind = kSink;
  bool negated = false;     // a predicate read as !p
  std::int32_t index = -1;  // of a register or predicate; of an address, its base register or -1
  std::uint64_t bits = 0;   // number; of an address, what is added
  std::string_view name;    // symbol, special register; of an address, its symbol
};

struct Statement {
  std::string_view opcode;
  Operand guard;  // kSink: none
  // Flat, in order of appearance: {a, b} and a|b count as two.
  std::vector<Operand> operands;
  std::vector<std::size_t> group_ends;  // operands so far at the end of each comma-separated group
  std::uint32_t target = 0;             // statement that a branch goes to
  std::int32_t table = -1;              // .branchtargets of brx.idx
  std::uint32_t line = 0;
};

struct Kernel {
  std::string name;
  std::vector<Variable> parameters;  // address: their offset
  std::uint64_t parameter_bytes = 0;
  std::vector<Variable> variables;  // shared and local ones declared within
  std::uint32_t registers = 0, predicates = 0;
  std::vector<Statement> statements;
  std::vector<std::vector<std::uint32_t>> branch_tables;
  std::array<std::uint32_t, 3> most_threads{1024, 1, 1};  // .maxntid
};

struct Module {
  std::vector<std::string> text;  // lines, for messages
  std::vector<Variable> variables;
  std::map<std::string, Kernel, std::less<>> kernels;
  std::string_view source;
};

// Throws Unsupported, naming the line.
Module parse(std::string_view ptx);

}  // namespace test_device
