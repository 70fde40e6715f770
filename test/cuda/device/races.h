// Data races, from the last write and the last read of every word: two accesses of different threads, one of them a
// write, not both by the memory's own order (atomic, volatile, relaxed), and nothing that orders them.
//
// What orders: an earlier launch; within a block a barrier of the block; within a warp a barrier that both lanes took
// part in (__syncwarp; shuffles and votes order nothing); between blocks a device-wide fence of the first's block after
// the access, when the second's block has read something atomically before (published and acquired: how the blocks of
// CUB's scans hand on their sums). The last rule takes any such read for the right one, and the shadow knows one reader
// only: a race may be missed, but what is found is one. A write of the value that is there already is let pass.
// Inline, as it is asked at every access.
#pragma once

#include <cstdint>

#include "block.h"
#include "memory.h"

namespace test_device {

namespace races {

// who: block serial << 24 | thread in block << 8 | flags << 4 | bytes
constexpr std::uint64_t kStrong = 1 << 4;
constexpr std::uint64_t kOtherLanes = 1 << 5;  // of a read: another lane's is not ordered before it
constexpr std::uint64_t kOtherWarps = 1 << 6;  // of a read: another warp's is not ordered before it

inline std::uint64_t serial(const Access& access) {
  return access.who >> 24;
}
inline std::uint32_t thread(const Access& access) {
  return access.who >> 8 & 0xffff;
}

inline Access access_now(const Warp& warp, int lane, std::uint32_t bytes, bool strong) {
  const Block& block = warp.block;
  return {block.serial << 24 | std::uint64_t{warp.thread(lane)} << 8 | (strong ? kStrong : 0) | bytes, block.now};
}

inline bool in_this_interval(const Block& block, const Access& access) {
  return serial(access) == block.serial && access.now >= block.last_barrier;
}

// Does `earlier` happen before anything that the lane does now?
inline bool ordered(const Warp& warp, int lane, const Region& region, const Access& earlier) {
  const Block& block = warp.block;
  if (serial(earlier) != block.serial) {
    // Shared memory is the block's own: what was there belongs to a block that has ended.
    if (&region == &block.shared || serial(earlier) < block.launch.first_serial) return true;
    return block.acquired && earlier.now < block.launch.last_fence[serial(earlier) - block.launch.first_serial];
  }
  if (!in_this_interval(block, earlier)) return true;
  const std::uint32_t mine = warp.thread(lane), other = thread(earlier);
  if (mine == other) return true;
  return mine / 32 == other / 32 && warp.has_seen(lane, static_cast<int>(other % 32), earlier.now);
}

inline bool conflicts(const Warp& warp, int lane, const Region& region, const Access& earlier, const Access& later) {
  return (earlier.who & later.who & 15) != 0 && (earlier.who & later.who & kStrong) == 0 &&
         !ordered(warp, lane, region, earlier);
}

// Throws the Finding.
[[noreturn]] void race(const Warp& warp, int lane, const Region& region, std::uint64_t offset, const Access& earlier,
                       const char* what, const char* after);

}  // namespace races

// `bytes`: which of the word's four. Throws Finding.
inline void note_read(Warp& warp, int lane, const Region& region, std::uint64_t offset, std::uint32_t bytes,
                      bool strong, bool read_only) {
  using namespace races;
  Word& word = region.words[offset / 4];
  const Block& block = warp.block;
  Access now = access_now(warp, lane, bytes, strong);
  if (conflicts(warp, lane, region, word.write, now)) {
    race(warp, lane, region, offset, word.write, "a read", "after a write by");
  }
  if (read_only && (word.write.who & bytes) != 0 && serial(word.write) >= block.launch.first_serial) {
    race(warp, lane, region, offset, word.write, "a read that may be cached (ld.global.nc)", "after a write by");
  }
  const Access& last = word.read;
  if (in_this_interval(block, last)) {
    if (!ordered(warp, lane, region, last)) {
      now.who |= thread(last) / 32 == warp.thread(lane) / 32 ? kOtherLanes : kOtherWarps;
    }
    // Read again behind a barrier of the warp, a word's readers before it are ordered.
    const bool same = thread(last) == warp.thread(lane) && !warp.has_seen(lane, lane, last.now);
    now.who |= last.who & (kOtherWarps | (same ? kOtherLanes : 0));
    now.who |= last.who & 15;
    if ((last.who & kStrong) == 0) now.who &= ~kStrong;
  }
  word.read = now;
}

inline void note_write(Warp& warp, int lane, const Region& region, std::uint64_t offset, std::uint32_t bytes,
                       bool strong, bool changes) {
  using namespace races;
  Word& word = region.words[offset / 4];
  const Block& block = warp.block;
  const Access now = access_now(warp, lane, bytes, strong);
  if (changes && conflicts(warp, lane, region, word.write, now)) {
    race(warp, lane, region, offset, word.write, "a write", "after a write by");
  }
  if (changes && conflicts(warp, lane, region, word.read, now)) {
    race(warp, lane, region, offset, word.read, "a write", "after a read by");
  }
  // The last reader is ordered (it may be this thread); were there others?
  if (changes && in_this_interval(block, word.read) && (word.read.who & bytes) != 0 &&
      (word.read.who & now.who & kStrong) == 0) {
    const bool lanes = (word.read.who & kOtherLanes) != 0 && thread(word.read) == warp.thread(lane) &&
                       !warp.has_seen(lane, lane, word.read.now);
    if (lanes || (word.read.who & kOtherWarps) != 0) {
      race(warp, lane, region, offset, word.read, "a write", "after reads by several threads, the last of them");
    }
  }
  word.write = now;
}

}  // namespace test_device
