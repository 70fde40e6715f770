// Branches and ends.
#include "block.h"
#include "opcode.h"
#include "warp.h"

namespace test_device {

namespace {

void branch(Warp& warp, const Instruction& i) {
  warp.jump(i.target);
}

void indexed_branch(Warp& warp, const Instruction& i) {
  const auto& table = warp.block.launch.program.kernel->branch_tables[static_cast<std::size_t>(i.table)];
  warp.need_defined(warp.undefined(i.operand[0]), "chooses a branch");
  std::uint32_t targets[32] = {};
  warp.each([&](int l) {
    const auto choice = warp.row(i.operand[0]).get<std::uint32_t>(l);
    if (choice >= table.size()) warp.block.fail(warp, l, "out of bounds", "a branch beyond its table");
    targets[l] = table[choice];
  });
  warp.jump(targets);
}

void exit(Warp& warp, const Instruction&) {
  warp.exit();
}

void trap(Warp& warp, const Instruction&) {
  warp.block.fail(warp, std::countr_zero(warp.executing), "trap", "the kernel stopped itself");
}

void nothing(Warp&, const Instruction&) {}

}  // namespace

Run control(Opcode& op) {
  op.take("uni");
  if (op.name == "bra") return branch;
  if (op.name == "brx" && op.take("idx")) return indexed_branch;
  if (op.name == "ret" || op.name == "exit") return exit;
  if (op.name == "trap") return trap;
  if (op.name == "nanosleep" && op.take_type() == "u32") return nothing;
  return nullptr;
}

}  // namespace test_device
