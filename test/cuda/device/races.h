// Data races, from the last write and the last read of every word: two accesses of different threads, one of them a
// write, not both by the memory's own order (atomic, volatile, relaxed), and nothing that orders them.
//
// What orders: an earlier launch; within a block a barrier of the block; within a warp a barrier that both lanes took
// part in (__syncwarp; shuffles and votes order nothing); between blocks a device-wide fence of the first's block after
// the access, when the second's block has read something atomically before (published and acquired: how the blocks of
// CUB's scans hand on their sums). The last rule takes any such read for the right one, and the shadow knows one reader
// only: a race may be missed, but what is found is one. A write of the value that is there already is let pass.
#pragma once

#include <cstdint>

#include "memory.h"

namespace test_device {

class Warp;

// `bytes`: which of the word's four. Throws Finding.
void note_read(Warp& warp, int lane, const Region& region, std::uint64_t offset, std::uint32_t bytes, bool strong,
               bool read_only);
void note_write(Warp& warp, int lane, const Region& region, std::uint64_t offset, std::uint32_t bytes, bool strong,
                bool changes);

}  // namespace test_device
