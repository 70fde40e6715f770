// 32 threads. Each has its own program counter; those at the lowest one run together until a branch parts them or they
// meet others, so that threads come together again where their paths do. What waits for other threads (shuffles, votes,
// barriers) waits for each one of them: nothing relies on threads running in lockstep.
//
// Registers carry a bit per lane that says "made from memory or registers that were never written". Copying such values
// is allowed; branching on one or using it as an address is a finding.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "memory.h"
#include "program.h"

namespace test_device {

class Block;

class Warp {
 public:
  Warp(Block& block, std::uint32_t index, Row* rows);  // rows: [program.rows], its registers

  void begin(std::uint32_t live);  // at the start of a block
  // Runs until every thread has ended or waits at a block barrier (true), or for a while (false).
  bool run();

  // For the functions that run instructions.
  const Row& row(std::int32_t operand) const { return operand >= 0 ? rows_[operand] : constants_[~operand]; }
  Row& target(std::int32_t operand) { return rows_[operand]; }
  template <typename F>
  void each(F body) const {
    if (executing == ~0u) {
#pragma GCC ivdep
      for (int l = 0; l < 32; ++l) body(l);
    } else {
      for (std::uint32_t rest = executing; rest != 0; rest &= rest - 1) body(std::countr_zero(rest));
    }
  }
  std::uint32_t undefined(std::int32_t operand) const {
    return operand >= 0 ? undefined_[operand] : 0;
  }
  void set_undefined(std::int32_t operand, std::uint32_t lanes) {
    undefined_[operand] = (undefined_[operand] & ~executing) | (lanes & executing);
  }
  std::uint32_t predicate(std::int32_t operand) const {
    return operand >= 0 ? predicates_[operand] : ~predicates_[~operand];
  }
  std::uint32_t undefined_predicate(std::int32_t operand) const {
    return undefined_predicates_[operand >= 0 ? operand : ~operand];
  }
  void set_predicate(std::int32_t operand, std::uint32_t lanes, std::uint32_t undefined) {
    predicates_[operand] = (predicates_[operand] & ~executing) | (lanes & executing);
    undefined_predicates_[operand] = (undefined_predicates_[operand] & ~executing) | (undefined & executing);
  }
  // Throws a Finding if any executing lane's value is undefined.
  void need_defined(std::uint32_t undefined, const char* use) const;

  void jump(const std::uint32_t* targets);  // per executing lane
  void jump(std::uint32_t target);
  void exit();
  // Each executing lane waits until all lanes of its mask have come here; `act` runs once for each full set, with
  // `executing` set to it.
  void meet(const Instruction& instruction, std::int32_t mask_operand, Run act);
  void wait_at_barrier(const Instruction& instruction);
  // For the block, when all its threads have come to a barrier.
  void check_barrier();
  std::uint32_t votes_at_barrier() const;  // lanes that bar.red counts
  void release_barrier(std::uint32_t votes, std::uint32_t threads);
  // The lanes of `members` have synchronised: each has seen all that the others did.
  void synchronise(std::uint32_t members);
  // Has lane `of` synchronised with lane `seer` since time `when`?
  bool has_seen(int seer, int of, std::uint32_t when) const {
    return seen_[seer][of] > when;
  }

  std::uint32_t thread(int lane) const {
    return index_ * 32 + static_cast<std::uint32_t>(lane);
  }
  std::uint32_t live() const {
    return live_;
  }
  std::uint32_t at_barrier() const {
    return at_barrier_;
  }
  const Instruction& current() const {
    return *current_;
  }
  std::string where(int lane) const;

  Block& block;
  std::uint32_t executing = 0;  // lanes of the current instruction
  std::uint32_t carry = 0;      // of add.cc and the like, per lane

 private:
  void pick();
  void part();  // ends the run of the group: the executing lanes' places are set
  // The waiting lanes that meet the lane: at the same instruction with the same mask.
  std::uint32_t companions(int lane) const;
  [[noreturn]] void stuck();
  void set_specials();

  const Program& program_;
  const std::uint32_t index_;
  Row* const rows_;
  const Row* constants_;
  std::vector<std::uint32_t> undefined_, predicates_, undefined_predicates_;

  std::uint32_t pc_[32] = {};
  std::uint32_t live_ = 0, waiting_ = 0, at_barrier_ = 0;
  std::uint32_t members_[32] = {};  // whom a waiting lane waits for
  std::uint32_t group_ = 0, at_ = 0, others_at_ = 0, placed_ = 0;
  bool parted_ = false, highest_first_ = false;
  std::uint32_t seen_[32][32] = {};
  const Instruction* current_ = nullptr;
};

}  // namespace test_device
