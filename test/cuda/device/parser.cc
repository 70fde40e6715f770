// A recursive descent over the tokens. Names are resolved while parsing: registers to numbers by scope (inline assembly
// has scopes of its own), labels when the kernel ends.
#include <algorithm>
#include <memory>
#include <utility>

#include "finding.h"
#include "lexer.h"
#include "module.h"

namespace test_device {

namespace {

std::uint64_t bytes_of_type(std::string_view type) {
  const std::size_t digits = type.find_first_of("0123456789");
  if (digits == std::string_view::npos) return 0;
  return std::stoul(std::string(type.substr(digits))) / 8;
}

class Parser {
 public:
  explicit Parser(std::string_view ptx) : tokens_(tokens(ptx)) {
    module_.source = ptx;
    for (std::size_t i = 0; i <= ptx.size();) {
      const std::size_t end = std::min(ptx.find('\n', i), ptx.size());
      module_.text.emplace_back(ptx.substr(i, end - i));
      i = end + 1;
    }
  }

  Module run() {
    while (at_ < tokens_.size()) top_level();
    return std::move(module_);
  }

 private:
  using Scope = std::map<std::string_view, Operand>;

  std::string_view peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead].text : std::string_view();
  }
  std::string_view next() {
    if (at_ == tokens_.size()) throw Unsupported("PTX that ends within a statement");
    return tokens_[at_++].text;
  }
  bool accept(std::string_view text) {
    if (peek() != text) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view wanted) {
    if (!accept(wanted)) unsupported(std::string(peek()).append(" where ").append(wanted).append(" belongs"));
  }
  [[noreturn]] void unsupported(const std::string& what) const {
    const std::uint32_t line = tokens_[std::min(at_, tokens_.size() - 1)].line;
    throw Unsupported(text("unsupported PTX, line ", line, ": ", what));
  }
  std::uint64_t number() {
    const bool negative = accept("-");
    const std::uint64_t bits = number_bits(next());
    return negative ? -bits : bits;
  }

  void top_level() {
    const std::string_view word = next();
    if (word == ".version" || word == ".target" || word == ".address_size") {
      next();
      while (accept(",")) next();
    } else if (word == ".entry") {
      kernel();
    } else if (word == ".global" || word == ".const" || word == ".shared") {
      module_.variables.push_back(variable(word));
    } else if (word == ".func") {
      function();
    } else if (word == ".section") {  // debugging information
      while (next() != "}") {
      }
    } else if (word != ";" && word != ".visible" && word != ".weak" && word != ".extern" && word != ".common") {
      --at_;
      unsupported(std::string(word));
    }
  }

  // Functions are skipped: a kernel that calls one is refused when it is decoded.
  void function() {
    while (peek() != "{" && peek() != ";") next();
    if (next() == ";") return;
    for (int depth = 1; depth > 0;) {
      const std::string_view word = next();
      depth += word == "{" ? 1 : word == "}" ? -1 : 0;
    }
  }

  // After its space: [.align n] [.ptr ...] .type name[size] [= values] ;
  Variable variable(std::string_view space) {
    Variable result;
    result.space = space == ".shared"  ? Space::kShared
                   : space == ".local" ? Space::kLocal
                   : space == ".param" ? Space::kParam
                                       : Space::kGlobal;
    result.constant = space == ".const";
    result.align = 0;
    std::uint64_t element = 0;
    for (; peek().starts_with('.'); next()) {
      if (peek() == ".align") {
        next();
        result.align = std::max(result.align, number_bits(peek()));
      } else if (element == 0) {
        element = bytes_of_type(peek());
        result.align = std::max(result.align, element);
      } else if (peek() == ".ptr") {  // .ptr .space .align n: about what it points to
        while (peek(1).starts_with('.') || is_number(peek(1))) next();
      }
    }
    result.name = next();
    result.bytes = element;
    while (accept("[")) {
      if (peek() == "]") {
        result.dynamic = true;
      } else {
        result.bytes *= number();
      }
      expect("]");
    }
    if (result.dynamic) result.bytes = 0;
    if (accept("=")) initial_values(element, result.initial);
    if (space != ".param") expect(";");
    return result;
  }

  void initial_values(std::uint64_t element, std::string& bytes) {
    const bool list = accept("{");
    do {
      if (peek() == "{") {
        initial_values(element, bytes);
        continue;
      }
      if (peek() != "-" && !is_number(peek())) unsupported("an initial value that is not a number");
      const std::uint64_t bits = number();
      bytes.append(reinterpret_cast<const char*>(&bits), element);
    } while (list && accept(","));
    if (list) expect("}");
  }

  void kernel() {
    kernel_ = {};
    kernel_.name = next();
    scopes_.assign(1, {});
    labels_.clear();
    jumps_.clear();
    if (accept("(")) {
      while (!accept(")")) {
        expect(".param");
        Variable parameter = variable(".param");
        kernel_.parameter_bytes = (kernel_.parameter_bytes + parameter.align - 1) / parameter.align * parameter.align;
        parameter.address = kernel_.parameter_bytes;
        kernel_.parameter_bytes += parameter.bytes;
        kernel_.parameters.push_back(std::move(parameter));
        accept(",");
      }
    }
    while (!accept("{")) {
      if (next() == ".maxntid") {
        for (int k = 0; k < 3; ++k) {
          kernel_.most_threads[k] = is_number(peek()) ? static_cast<std::uint32_t>(number()) : 1;
          accept(",");
        }
      }
    }
    for (int depth = 1; depth > 0;) {
      if (accept("{")) {
        scopes_.emplace_back();
        ++depth;
      } else if (accept("}")) {
        scopes_.pop_back();
        --depth;
      } else {
        line();
      }
    }
    for (const auto& [place, label] : jumps_) {
      const auto found = labels_.find(label);
      if (found == labels_.end()) unsupported(text("a branch to ", label, " out of the kernel"));
      (place.table < 0 ? kernel_.statements[place.index].target : kernel_.branch_tables[place.table][place.index]) =
          found->second;
    }
    module_.kernels[kernel_.name] = std::move(kernel_);
  }

  void line() {
    const std::string_view word = peek();
    if (word == ".reg") {
      next();
      registers();
    } else if (word == ".shared" || word == ".local") {
      kernel_.variables.push_back(variable(next()));
    } else if (word == ".pragma") {
      while (next() != ";") {
      }
    } else if (peek(1) == ":") {
      label();
    } else if (word != ";" && word.starts_with('.')) {
      unsupported(std::string(word));
    } else if (!accept(";")) {
      statement();
    }
  }

  void label() {
    const std::string_view name = next();
    next();
    if (accept(".branchtargets")) {
      tables_[name] = static_cast<std::int32_t>(kernel_.branch_tables.size());
      std::vector<std::uint32_t> table;
      do {
        jumps_.push_back({{tables_[name], table.size()}, next()});
        table.push_back(0);
      } while (accept(","));
      kernel_.branch_tables.push_back(std::move(table));
      expect(";");
    } else if (!labels_.emplace(name, static_cast<std::uint32_t>(kernel_.statements.size())).second) {
      unsupported(text("label ", name, " twice in a kernel"));
    }
  }

  void registers() {
    const bool predicate = next() == ".pred";
    do {
      const std::string_view name = next();
      if (accept("<")) {
        const std::uint64_t count = number();
        expect(">");
        for (std::uint64_t i = 0; i < count; ++i) {
          names_.push_back(std::make_unique<std::string>(std::string(name) + std::to_string(i)));
          declare(*names_.back(), predicate);
        }
      } else {
        declare(name, predicate);
      }
    } while (accept(","));
    expect(";");
  }

  void declare(std::string_view name, bool predicate) {
    Operand operand;
    operand.kind = predicate ? Operand::kPredicate : Operand::kRegister;
    operand.index = static_cast<std::int32_t>(predicate ? kernel_.predicates++ : kernel_.registers++);
    scopes_.back()[name] = operand;
  }

  const Operand* find(std::string_view name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->find(name);
      if (found != scope->end()) return &found->second;
    }
    return nullptr;
  }

  void statement() {
    Statement result;
    result.line = tokens_[at_].line;
    if (accept("@")) result.guard = operand();
    result.opcode = next();
    if (result.opcode.starts_with("call")) unsupported("call: functions that nvcc does not inline");
    if (result.opcode == "bra" || result.opcode == "bra.uni") {
      jumps_.push_back({{-1, kernel_.statements.size()}, next()});
      expect(";");
    } else if (result.opcode.starts_with("brx.idx")) {
      result.operands.push_back(operand());
      expect(",");
      const auto table = tables_.find(next());
      if (table == tables_.end()) unsupported("brx.idx before its .branchtargets");
      result.table = table->second;
      expect(";");
    } else {
      while (!accept(";")) {
        group(result.operands);
        result.group_ends.push_back(result.operands.size());
        if (peek() != ";") expect(",");
      }
    }
    kernel_.statements.push_back(std::move(result));
  }

  void group(std::vector<Operand>& operands) {
    if (accept("{")) {
      do operands.push_back(operand());
      while (accept(","));
      expect("}");
    } else if (accept("[")) {
      operands.push_back(address());
      expect("]");
    } else {
      do operands.push_back(operand());
      while (accept("|"));
    }
  }

  Operand address() {
    Operand result = operand();
    if (result.kind == Operand::kRegister) {
      result.bits = 0;
    } else if (result.kind != Operand::kSymbol && result.kind != Operand::kNumber) {
      unsupported("this address");
    }
    result.kind = Operand::kAddress;
    if (accept("+")) {
      result.bits += number();
    } else if (peek() == "-") {
      result.bits += number();
    }
    return result;
  }

  Operand operand() {
    Operand result;
    if (accept("!")) {
      result = operand();
      result.negated = true;
      return result;
    }
    if (peek() == "-" || is_number(peek())) {
      result.kind = Operand::kNumber;
      result.bits = number();
      return result;
    }
    const std::string_view name = next();
    if (name == "_") return result;
    if (const Operand* known = find(name)) return *known;
    result.kind = name.starts_with('%') || name == "WARP_SZ" ? Operand::kSpecial : Operand::kSymbol;
    result.name = name;
    return result;
  }

  struct Place {
    std::int32_t table;  // -1: the target of statement `index`
    std::size_t index;
  };

  Module module_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;

  Kernel kernel_;
  std::vector<Scope> scopes_;
  std::vector<std::unique_ptr<std::string>> names_;  // of registers declared in ranges
  std::map<std::string_view, std::uint32_t> labels_;
  std::map<std::string_view, std::int32_t> tables_;
  std::vector<std::pair<Place, std::string_view>> jumps_;
};

}  // namespace

Module parse(std::string_view ptx) {
  return Parser(ptx).run();
}

}  // namespace test_device
