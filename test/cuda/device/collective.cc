// What lanes or threads do together: shuffles, votes, matches, barriers. A shuffle that reads from a lane outside of
// the mask is a finding.
#include <bit>

#include "block.h"
#include "opcode.h"
#include "warp.h"

namespace test_device {

namespace {

template <typename F>
void for_lanes(std::uint32_t lanes, F body) {
  for (; lanes != 0; lanes &= lanes - 1) body(std::countr_zero(lanes));
}

enum class Shuffle { kUp, kDown, kButterfly, kIndex };

// shfl d|p, a, b, c, members: c holds the segment mask << 8 | clamp.
template <Shuffle kMode>
void shuffle(Warp& warp, const Instruction& i) {
  const Row value = warp.row(i.operand[2]);  // a copy: it may be the result's register
  const std::uint32_t undefined = warp.undefined(i.operand[2]), members = warp.executing;
  warp.need_defined(warp.undefined(i.operand[3]) | warp.undefined(i.operand[4]), "says where a shuffle reads");
  const Row by = warp.row(i.operand[3]), limit = warp.row(i.operand[4]);
  Row& result = warp.target(i.operand[0]);
  std::uint32_t in_range = 0, result_undefined = 0;
  for_lanes(members, [&](int l) {
    const int b = static_cast<int>(by.lane[l] & 31), clamp = static_cast<int>(limit.lane[l] & 31);
    const int segment = static_cast<int>(limit.lane[l] >> 8 & 31);
    const int first = l & segment, last = first | (clamp & ~segment);
    int source = 0;
    bool valid = false;
    if (kMode == Shuffle::kUp) valid = (source = l - b) >= last;
    if (kMode == Shuffle::kDown) valid = (source = l + b) <= last;
    if (kMode == Shuffle::kButterfly) valid = (source = l ^ b) <= last;
    if (kMode == Shuffle::kIndex) valid = (source = first | (b & ~segment)) <= last;
    if (!valid) source = l;
    if ((members >> source & 1) == 0) {
      warp.block.fail(warp, l, "inactive lane", "a shuffle reads from a lane that does not take part");
    }
    result.lane[l] = value.lane[source] & 0xffffffff;
    in_range |= (valid ? 1u : 0u) << l;
    result_undefined |= (undefined >> source & 1) << l;
  });
  warp.set_undefined(i.operand[0], result_undefined);
  warp.set_predicate(i.operand[1], in_range, 0);
}

template <Shuffle kMode>
void meet_to_shuffle(Warp& warp, const Instruction& i) {
  warp.meet(i, i.operand[5], shuffle<kMode>);
}

enum class Vote { kAll, kAny, kUniform, kBallot };

template <Vote kVote>
void vote(Warp& warp, const Instruction& i) {
  warp.need_defined(warp.undefined_predicate(i.operand[1]), "is voted on");
  const std::uint32_t members = warp.executing, ayes = warp.predicate(i.operand[1]) & members;
  if (kVote == Vote::kBallot) {
    Row& result = warp.target(i.operand[0]);
    for_lanes(members, [&](int l) { result.lane[l] = ayes; });
    warp.set_undefined(i.operand[0], 0);
    return;
  }
  const bool yes = kVote == Vote::kAny   ? ayes != 0
                   : kVote == Vote::kAll ? ayes == members
                                         : ayes == 0 || ayes == members;
  warp.set_predicate(i.operand[0], yes ? ~0u : 0, 0);
}

template <Vote kVote>
void meet_to_vote(Warp& warp, const Instruction& i) {
  warp.meet(i, i.operand[2], vote<kVote>);
}

template <typename T>
void match_any(Warp& warp, const Instruction& i) {
  const Row value = warp.row(i.operand[2]);
  warp.need_defined(warp.undefined(i.operand[2]), "is matched");
  Row& result = warp.target(i.operand[0]);
  for_lanes(warp.executing, [&](int l) {
    std::uint32_t same = 0;
    for_lanes(warp.executing, [&](int k) { same |= (value.get<T>(k) == value.get<T>(l) ? 1u : 0u) << k; });
    result.lane[l] = same;
  });
  warp.set_undefined(i.operand[0], 0);
}

template <typename T>
void match_all(Warp& warp, const Instruction& i) {
  const Row value = warp.row(i.operand[2]);
  warp.need_defined(warp.undefined(i.operand[2]), "is matched");
  const int first = std::countr_zero(warp.executing);
  bool same = true;
  for_lanes(warp.executing, [&](int l) { same &= value.get<T>(l) == value.get<T>(first); });
  const std::uint32_t members = warp.executing;
  Row& result = warp.target(i.operand[0]);
  for_lanes(members, [&](int l) { result.lane[l] = same ? members : 0; });
  warp.set_undefined(i.operand[0], 0);
  warp.set_predicate(i.operand[1], same ? ~0u : 0, 0);
}

template <Run kAct>
void meet_to_match(Warp& warp, const Instruction& i) {
  warp.meet(i, i.operand[3], kAct);
}

void warp_barrier(Warp& warp, const Instruction& i) {
  warp.meet(i, i.operand[0], [](Warp& w, const Instruction&) { w.synchronise(w.executing); });
}

void active_mask(Warp& warp, const Instruction& i) {
  Row& result = warp.target(i.operand[0]);
  for_lanes(warp.executing, [&](int l) { result.lane[l] = warp.executing; });
  warp.set_undefined(i.operand[0], 0);
}

void block_barrier(Warp& warp, const Instruction& i) {
  if (i.reduce != Reduce::kNone) warp.need_defined(warp.undefined_predicate(i.operand[2]), "is voted on");
  warp.wait_at_barrier(i);
}

Run vote_operation(Opcode& op) {
  const std::string_view kind = op.take_one({"all", "any", "uni", "ballot"});
  if (!op.take("sync") || op.take_type() != (kind == "ballot" ? "b32" : "pred")) return nullptr;
  if (kind == "all") return meet_to_vote<Vote::kAll>;
  if (kind == "any") return meet_to_vote<Vote::kAny>;
  if (kind == "uni") return meet_to_vote<Vote::kUniform>;
  return kind == "ballot" ? meet_to_vote<Vote::kBallot> : nullptr;
}

Run shuffle_operation(Opcode& op) {
  const std::string_view mode = op.take_one({"up", "down", "bfly", "idx"});
  if (!op.take("sync") || op.take_type() != "b32") return nullptr;
  if (mode == "up") return meet_to_shuffle<Shuffle::kUp>;
  if (mode == "down") return meet_to_shuffle<Shuffle::kDown>;
  return mode == "bfly" ? meet_to_shuffle<Shuffle::kButterfly> : meet_to_shuffle<Shuffle::kIndex>;
}

Run match_operation(Opcode& op) {
  const bool all = op.take_one({"any", "all"}) == "all";
  const std::string_view type = op.take_type();
  if (!op.take("sync")) return nullptr;
  if (type == "b32") return all ? meet_to_match<match_all<std::uint32_t>> : meet_to_match<match_any<std::uint32_t>>;
  if (type == "b64") return all ? meet_to_match<match_all<std::uint64_t>> : meet_to_match<match_any<std::uint64_t>>;
  return nullptr;
}

}  // namespace

Run collective(Opcode& op, Instruction& i) {
  if (op.name == "shfl") return shuffle_operation(op);
  if (op.name == "vote") return vote_operation(op);
  if (op.name == "match") return match_operation(op);
  if (op.name == "activemask") return op.take_type() == "b32" ? active_mask : nullptr;
  if (op.name != "bar" && op.name != "barrier") return nullptr;
  op.take("cta");
  op.take("aligned");
  if (op.take("warp")) {
    i.any_place = true;
    return op.take("sync") ? warp_barrier : nullptr;
  }
  if (op.take("sync")) return block_barrier;
  if (!op.take("red")) return nullptr;
  const std::string_view kind = op.take_one({"and", "or", "popc"});
  i.reduce = kind == "and" ? Reduce::kAnd : kind == "or" ? Reduce::kOr : Reduce::kCount;
  op.take_type();
  return block_barrier;
}

}  // namespace test_device
