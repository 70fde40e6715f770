// A launch and the block of it that runs. Blocks run one after another, in order, which is one of the orders that a
// device may choose, and the one in which waiting for earlier blocks always ends.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "memory.h"
#include "program.h"
#include "warp.h"

namespace test_device {

// Counts of one instruction of a kernel over a launch.
struct Site {
  std::uint64_t threads = 0;   // that executed it
  std::uint64_t requests = 0;  // by warps, to global memory
  std::uint64_t bytes = 0, sectors = 0;
  std::uint64_t block_sectors = 0;  // of them, those that the block had not touched before; counted for a report only
  std::uint64_t shared_requests = 0, shared_passes = 0;  // passes: 1 without bank conflicts
};

struct Launch {
  const Program& program;
  std::array<std::uint32_t, 3> blocks, threads;
  std::uint64_t dynamic_shared;
  std::vector<std::uint8_t> parameters;

  std::uint64_t first_serial = 0;         // of its blocks; earlier ones are of earlier launches
  std::vector<std::uint32_t> last_fence;  // of each block so far: see races.h
  std::vector<Site> sites;                // [program.code]

  std::uint32_t thread_count() const { return threads[0] * threads[1] * threads[2]; }
};

class Block {
 public:
  explicit Block(Launch& launch);

  // Throws Finding.
  void run(std::uint64_t index);

  // Throws a Finding that says where.
  [[noreturn]] void fail(const Warp& warp, int lane, const char* kind, const std::string& what) const;
  std::uint32_t tick() { return ++now; }

  Launch& launch;
  std::array<std::uint32_t, 3> place{};
  std::uint64_t serial = 0;
  // The block's clock goes on at barriers, warp barriers and fences.
  std::uint32_t now = 0, last_barrier = 0, last_fence = 0;
  bool acquired = false;  // has read something that other blocks may have published

  std::unordered_set<std::uint64_t> sectors;  // of global memory that it touched, when a report is wanted

  Region shared;
  Region local;  // of the thread that use_local() names
  Region parameters;
  void use_local(std::uint32_t thread);

 private:
  void begin(std::uint64_t index);
  void release_barrier();

  std::vector<std::unique_ptr<Warp>> warps_;
  std::vector<std::uint8_t> shared_data_, shared_state_, fresh_shared_, local_data_, local_state_, parameter_state_;
};

// Runs all blocks. Throws Finding.
void run(Launch& launch);

}  // namespace test_device
