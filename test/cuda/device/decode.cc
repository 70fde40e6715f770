#include <algorithm>
#include <map>

#include "finding.h"
#include "memory.h"
#include "opcode.h"
#include "program.h"

namespace test_device {

namespace {

constexpr std::uint64_t kGap = 64;  // unaddressable bytes between shared variables

std::uint64_t aligned(std::uint64_t offset, std::uint64_t align) {
  return (offset + align - 1) / align * align;
}

// Whether operand k is a predicate; asked where the text does not tell, of literals and of _.
bool is_predicate(const Opcode& op, std::size_t k) {
  if (op.name == "setp") return k < 2 || k == 4;
  if (op.name == "selp") return k == 3;
  if (op.name == "vote" || op.name == "shfl") return k == 1 || (k == 0 && op.has("pred"));
  if (op.name == "match") return k == 1;
  if (op.name == "bar" || op.name == "barrier") return k == 2;
  return op.has("pred");
}

class Decoder {
 public:
  Decoder(const Module& module, const Kernel& kernel) {
    program_.module = &module;
    program_.kernel = &kernel;
    program_.rows = kernel.registers;
    program_.predicates = kernel.predicates;
  }

  Program run() {
    const Kernel& kernel = *program_.kernel;
    sink_row_ = static_cast<std::int32_t>(program_.rows++);
    sink_predicate_ = static_cast<std::int32_t>(program_.predicates++);
    program_.always = static_cast<std::int32_t>(program_.predicates++);
    place_variables();
    for (const Statement& statement : kernel.statements) program_.code.push_back(instruction(statement));
    Instruction end;
    Opcode exit("exit");
    end.run = control(exit);
    program_.code.push_back(end);
    return std::move(program_);
  }

 private:
  void place_variables() {
    for (const auto* list : {&program_.module->variables, &program_.kernel->variables}) {
      for (const Variable& variable : *list) {
        std::uint64_t address = variable.address;
        if (variable.space == Space::kShared && variable.dynamic) {
          program_.dynamic_align = std::max(program_.dynamic_align, variable.align);
          dynamic_.push_back(variable.name);
          continue;
        }
        if (variable.space == Space::kShared && uses(variable.name)) {
          address = aligned(program_.shared_bytes, variable.align);
          program_.shared_bytes = address + variable.bytes + kGap;
          program_.shared.push_back(variable);
          program_.shared.back().address = address;
        } else if (variable.space == Space::kLocal) {
          address = aligned(program_.local_bytes, variable.align);
          program_.local_bytes = address + variable.bytes;
        }
        addresses_[variable.name] = {variable.space, address};
      }
    }
    program_.shared_bytes = aligned(program_.shared_bytes, program_.dynamic_align);
    for (const std::string& name : dynamic_) addresses_[name] = {Space::kShared, program_.shared_bytes};
    for (const Variable& parameter : program_.kernel->parameters) {
      addresses_[parameter.name] = {Space::kParam, parameter.address};
    }
  }

  bool uses(std::string_view name) const {
    for (const Variable& own : program_.kernel->variables) {
      if (own.name == name) return true;
    }
    for (const Statement& statement : program_.kernel->statements) {
      for (const Operand& operand : statement.operands) {
        if (operand.name == name) return true;
      }
    }
    return false;
  }

  std::int32_t constant(std::uint64_t bits) {
    const auto [known, fresh] = constants_.emplace(bits, static_cast<std::int32_t>(program_.constants.size()));
    if (fresh) {
      program_.constants.emplace_back();
      std::fill_n(program_.constants.back().lane, 32, bits);
    }
    return ~known->second;
  }

  std::int32_t special(std::string_view name) {
    static constexpr std::string_view known[] = {
        "%tid.x",       "%tid.y",       "%tid.z",       "%ntid.x",           "%ntid.y",      "%ntid.z", "%ctaid.x",
        "%ctaid.y",     "%ctaid.z",     "%nctaid.x",    "%nctaid.y",         "%nctaid.z",    "%laneid", "%warpid",
        "%lanemask_eq", "%lanemask_lt", "%lanemask_le", "%lanemask_gt",      "%lanemask_ge", "WARP_SZ", "%smid",
        "%nsmid",       "%gridid",      "%nwarpid",     "%dynamic_smem_size"};
    if (std::find(std::begin(known), std::end(known), name) == std::end(known)) {
      throw Unsupported(text("unsupported special register ", name));
    }
    for (const auto& [other, row] : program_.specials) {
      if (other == name) return row;
    }
    program_.specials.emplace_back(name, static_cast<std::int32_t>(program_.rows++));
    return program_.specials.back().second;
  }

  std::pair<Space, std::uint64_t> symbol(std::string_view name) const {
    const auto found = addresses_.find(name);
    if (found == addresses_.end()) throw Unsupported(text("unknown symbol ", name));
    return found->second;
  }

  std::int32_t operand(const Operand& operand, bool predicate, Instruction& result) {
    switch (operand.kind) {
      case Operand::kRegister:
        return operand.index;
      case Operand::kPredicate:
        return operand.negated ? ~operand.index : operand.index;
      case Operand::kNumber:
        if (predicate) return operand.bits != 0 ? program_.always : ~program_.always;
        return constant(operand.bits);
      case Operand::kSymbol:
        return constant(symbol(operand.name).second);
      case Operand::kSpecial:
        return special(operand.name);
      case Operand::kSink:
        return predicate ? sink_predicate_ : sink_row_;
      case Operand::kAddress:
        result.offset = static_cast<std::int64_t>(operand.bits);
        if (operand.index >= 0) return operand.index;
        if (!operand.name.empty()) {
          const auto [space, address] = symbol(operand.name);
          result.offset += static_cast<std::int64_t>(address);
          if (result.space == Space::kGeneric) result.space = space;
        }
        return constant(0);
    }
    return 0;
  }

  Instruction instruction(const Statement& statement) {
    Instruction result;
    result.line = statement.line;
    result.target = statement.target;
    result.table = statement.table;
    const auto unsupported = [&](const std::string& why) {
      throw Unsupported(text("unsupported instruction ", statement.opcode, why, " (PTX line ", statement.line, ")"));
    };
    if (statement.guard.kind == Operand::kPredicate) {
      result.guarded = true;
      result.guard = statement.guard.negated ? ~statement.guard.index : statement.guard.index;
    }
    Opcode op(statement.opcode);
    if (!(result.run = integer_operation(op)) && !(result.run = floating_operation(op)) &&
        !(result.run = conversion(op)) && !(result.run = logic(op)) && !(result.run = move(op, statement)) &&
        !(result.run = memory_access(op, result)) && !(result.run = collective(op, result))) {
      result.run = control(op);
    }
    if (result.run == nullptr || !op.all_taken()) unsupported("");

    const bool barrier = op.name == "bar" || op.name == "barrier";
    if (barrier && statement.operands.size() > (result.reduce == Reduce::kNone ? 1 : 3)) {
      unsupported(" with a number of threads");
    }

    // A second destination that is not written out: setp p, shfl d, match d.
    std::vector<Operand> operands = statement.operands;
    const bool pair = op.name == "setp" || op.name == "shfl" || op.name == "match";
    if (pair && !statement.group_ends.empty() && statement.group_ends[0] == 1) {
      operands.insert(operands.begin() + 1, Operand{});
    }
    if (operands.size() > result.operand.size()) unsupported(" with so many operands");
    try {
      for (std::size_t k = 0; k < operands.size(); ++k) {
        result.operand[k] = operand(operands[k], is_predicate(op, k), result);
      }
    } catch (const Unsupported& problem) {
      unsupported(text(": ", problem.what()));
    }
    return result;
  }

  Program program_;
  std::map<std::uint64_t, std::int32_t> constants_;
  std::map<std::string, std::pair<Space, std::uint64_t>, std::less<>> addresses_;
  std::vector<std::string> dynamic_;
  std::int32_t sink_row_ = 0, sink_predicate_ = 0;
};

}  // namespace

std::string Program::text_of(const Instruction& instruction) const {
  if (instruction.line == 0) return "end of the kernel";
  std::string line = module->text[instruction.line - 1];
  std::replace(line.begin(), line.end(), '\t', ' ');
  line.erase(0, line.find_first_not_of(' '));
  return text(line, " (PTX line ", instruction.line, ")");
}

Program decode(const Module& module, const Kernel& kernel) {
  return Decoder(module, kernel).run();
}

}  // namespace test_device
