#include "warp.h"

#include <algorithm>

#include "block.h"
#include "finding.h"

namespace test_device {

namespace {

constexpr int kTurn = 1 << 16;  // instructions before other lanes or warps get their turn

template <typename F>
void for_lanes(std::uint32_t lanes, F body) {
  for (; lanes != 0; lanes &= lanes - 1) body(std::countr_zero(lanes));
}

}  // namespace

Warp::Warp(Block& block, std::uint32_t index, Row* rows)
    : block(block),
      program_(block.launch.program),
      index_(index),
      rows_(rows),
      constants_(program_.constants.data()),
      undefined_(program_.rows),
      predicates_(program_.predicates),
      undefined_predicates_(program_.predicates) {}

void Warp::begin(std::uint32_t live) {
  live_ = live;
  waiting_ = at_barrier_ = carry = 0;
  highest_first_ = false;
  std::fill_n(pc_, 32, 0);
  std::fill_n(&seen_[0][0], 32 * 32, 0);
  std::fill(undefined_.begin(), undefined_.end(), ~0u);
  std::fill(undefined_predicates_.begin(), undefined_predicates_.end(), ~0u);
  executing = ~0u;
  set_predicate(program_.always, ~0u, 0);
  set_specials();
}

void Warp::set_specials() {
  const Launch& launch = block.launch;
  const auto [nx, ny, nz] = launch.threads;
  for (const auto& [name, row] : program_.specials) {
    undefined_[row] = 0;
    for (int l = 0; l < 32; ++l) {
      const std::uint32_t t = thread(l), bit = 1u << l;
      std::uint64_t& value = rows_[row].lane[l];
      if (name == "%tid.x") value = t % nx;
      if (name == "%tid.y") value = t / nx % ny;
      if (name == "%tid.z") value = t / (nx * ny);
      if (name == "%ntid.x") value = nx;
      if (name == "%ntid.y") value = ny;
      if (name == "%ntid.z") value = nz;
      if (name == "%ctaid.x") value = block.place[0];
      if (name == "%ctaid.y") value = block.place[1];
      if (name == "%ctaid.z") value = block.place[2];
      if (name == "%nctaid.x") value = launch.blocks[0];
      if (name == "%nctaid.y") value = launch.blocks[1];
      if (name == "%nctaid.z") value = launch.blocks[2];
      if (name == "%laneid") value = static_cast<std::uint32_t>(l);
      if (name == "%warpid") value = index_;
      if (name == "%nwarpid") value = 32;
      if (name == "%lanemask_eq") value = bit;
      if (name == "%lanemask_lt") value = bit - 1;
      if (name == "%lanemask_le") value = bit | (bit - 1);
      if (name == "%lanemask_gt") value = ~(bit | (bit - 1));
      if (name == "%lanemask_ge") value = ~(bit - 1);
      if (name == "WARP_SZ") value = 32;
      if (name == "%smid" || name == "%gridid") value = 0;
      if (name == "%nsmid") value = 1;
      if (name == "%dynamic_smem_size") value = launch.dynamic_shared;
    }
  }
}

// The lanes to run next: those at the lowest place, as compilers lay code out so that paths join further down. Every
// kTurn instructions those at the highest, in case the lowest wait for them in a loop.
void Warp::pick() {
  const std::uint32_t runnable = live_ & ~waiting_ & ~at_barrier_;
  std::uint32_t lowest = ~0u, highest = 0;
  for_lanes(runnable, [&](int l) {
    lowest = std::min(lowest, pc_[l]);
    highest = std::max(highest, pc_[l]);
  });
  at_ = highest_first_ ? highest : lowest;
  group_ = 0;
  others_at_ = ~0u;  // the lowest place at which others wait to be joined
  for_lanes(runnable, [&](int l) {
    if (pc_[l] == at_) {
      group_ |= 1u << l;
    } else {
      others_at_ = std::min(others_at_, pc_[l]);
    }
  });
  if (highest_first_) others_at_ = ~0u;
  highest_first_ = false;
  parted_ = false;
}

bool Warp::run() {
  const Instruction* code = program_.code.data();
  Site* sites = block.launch.sites.data();
  for (int turn = kTurn; turn > 0;) {
    pick();
    if (group_ == 0) {
      if (waiting_ != 0) stuck();
      return true;
    }
    while (!parted_) {
      const Instruction& instruction = code[at_];
      Site& site = sites[at_];
      current_ = &instruction;
      ++at_;
      executing = group_;
      if (instruction.guarded) {
        need_defined(undefined_predicate(instruction.guard), "decides whether an instruction runs");
        executing &= predicate(instruction.guard);
      }
      site.threads += static_cast<std::uint64_t>(std::popcount(executing));
      if (executing != 0) {
        instruction.run(*this, instruction);
        // A jump or a meeting has set the lanes' places; whoever did not execute goes on behind the instruction.
        if (parted_) for_lanes(group_ & ~placed_, [&](int l) { pc_[l] = at_; });
      }
      --turn;
      if (!parted_ && (at_ >= others_at_ || turn <= 0)) {
        for_lanes(group_, [&](int l) { pc_[l] = at_; });
        parted_ = true;
      }
    }
  }
  highest_first_ = true;
  return false;
}

void Warp::need_defined(std::uint32_t undefined, const char* use) const {
  const std::uint32_t bad = undefined & executing;
  if (bad == 0) return;
  block.fail(*this, std::countr_zero(bad), "uninitialised value",
             text("a value made from memory that was never written ", use));
}

void Warp::jump(std::uint32_t target) {
  if (executing == group_) {  // all together
    at_ = target;
    if (at_ < others_at_) return;
  }
  for_lanes(executing, [&](int l) { pc_[l] = target; });
  part();
}

void Warp::jump(const std::uint32_t* targets) {
  for_lanes(executing, [&](int l) { pc_[l] = targets[l]; });
  part();
}

void Warp::exit() {
  live_ &= ~executing;
  part();
}

void Warp::part() {
  parted_ = true;
  placed_ = executing;
}

std::uint32_t Warp::companions(int lane) const {
  const Instruction& wanted = program_.code[pc_[lane]];
  std::uint32_t found = 0;
  for_lanes(waiting_, [&](int l) {
    const bool same_place = pc_[l] == pc_[lane] || (wanted.any_place && program_.code[pc_[l]].run == wanted.run);
    if (same_place && members_[l] == members_[lane]) found |= 1u << l;
  });
  return found;
}

void Warp::meet(const Instruction& instruction, std::int32_t mask_operand, Run act) {
  const std::uint32_t arrived = executing;
  need_defined(undefined(mask_operand), "is a mask of lanes");
  for_lanes(arrived, [&](int l) {
    members_[l] = row(mask_operand).get<std::uint32_t>(l);
    pc_[l] = at_ - 1;
    if ((members_[l] >> l & 1) == 0) block.fail(*this, l, "inactive lane", "a lane is not in its own mask");
  });
  waiting_ |= arrived;
  for (std::uint32_t rest = arrived; rest != 0;) {
    const int first = std::countr_zero(rest);
    const std::uint32_t set = companions(first), members = members_[first];
    rest &= ~set;
    if (const std::uint32_t gone = members & ~live_; gone != 0) {
      block.fail(*this, first, "inactive lane",
                 text("the mask names lane ", std::countr_zero(gone), ", which has ended or never was"));
    }
    if (set != members) continue;
    executing = set;
    act(*this, instruction);
    for_lanes(set, [&](int l) { ++pc_[l]; });
    waiting_ &= ~set;
  }
  executing = arrived;
  part();
}

void Warp::stuck() {
  const int l = std::countr_zero(waiting_);
  const std::uint32_t missing = members_[l] & ~companions(l);
  executing = 1u << l;
  current_ = &program_.code[pc_[l]];
  const int other = std::countr_zero(missing);
  const std::uint32_t bit = 1u << other;
  block.fail(*this, l, "inactive lane",
             text("the mask names lane ", other,
                  (live_ & bit) == 0         ? ", which has ended"
                  : (at_barrier_ & bit) != 0 ? ", which waits at a block barrier"
                                             : ", which waits at another instruction: ",
                  (live_ & bit & ~at_barrier_) != 0 ? program_.text_of(program_.code[pc_[other]]) : ""));
}

void Warp::wait_at_barrier(const Instruction&) {
  for_lanes(executing, [&](int l) { pc_[l] = at_ - 1; });
  at_barrier_ |= executing;
  part();
}

void Warp::check_barrier() {
  const int first = std::countr_zero(at_barrier_);
  for_lanes(at_barrier_, [&](int l) {
    if (pc_[l] == pc_[first]) return;
    current_ = &program_.code[pc_[l]];
    block.fail(
        *this, l, "divergent barrier",
        text("lane ", first, " of the warp waits at another barrier: ", program_.text_of(program_.code[pc_[first]])));
  });
}

std::uint32_t Warp::votes_at_barrier() const {
  if (at_barrier_ == 0) return 0;
  const Instruction& barrier = program_.code[pc_[std::countr_zero(at_barrier_)]];
  return barrier.reduce == Reduce::kNone ? 0 : predicate(barrier.operand[2]) & at_barrier_;
}

void Warp::release_barrier(std::uint32_t votes, std::uint32_t threads) {
  if (at_barrier_ == 0) return;
  const Instruction& barrier = program_.code[pc_[std::countr_zero(at_barrier_)]];
  executing = at_barrier_;
  if (barrier.reduce == Reduce::kCount) {
    for_lanes(executing, [&](int l) { rows_[barrier.operand[0]].set(l, votes); });
    set_undefined(barrier.operand[0], 0);
  } else if (barrier.reduce != Reduce::kNone) {
    const bool yes = barrier.reduce == Reduce::kAnd ? votes == threads : votes > 0;
    set_predicate(barrier.operand[0], yes ? ~0u : 0, 0);
  }
  for_lanes(at_barrier_, [&](int l) { ++pc_[l]; });
  at_barrier_ = 0;
}

void Warp::synchronise(std::uint32_t members) {
  const std::uint32_t now = block.tick();
  std::uint32_t joined[32] = {};
  for_lanes(members, [&](int l) {
    for (int k = 0; k < 32; ++k) joined[k] = std::max(joined[k], seen_[l][k]);
  });
  for_lanes(members, [&](int l) { joined[l] = now; });
  for_lanes(members, [&](int l) { std::copy_n(joined, 32, seen_[l]); });
}

std::string Warp::where(int lane) const {
  const std::uint32_t t = thread(lane);
  const auto [nx, ny, nz] = block.launch.threads;
  return text("thread (", t % nx, ", ", t / nx % ny, ", ", t / (nx * ny), ")");
}

}  // namespace test_device
