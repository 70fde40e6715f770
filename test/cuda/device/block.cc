#include "block.h"

#include <algorithm>

#include "finding.h"

namespace test_device {

namespace {

constexpr std::uint64_t kMostTurns = 1 << 9;  // of a warp, each some 65,000 instructions, without an end of the block

std::uint64_t next_serial = 1;

// What the last launch left, as it is: new memory for every launch would be a page fault for every few registers.
// Nothing reads what it has not written: registers are undefined at first, and shadows are told apart by the serial of
// a block.
struct Kept {
  std::vector<Row> rows;
  std::vector<Word> shared_words;
} kept;

template <typename T>
T* at_least(std::vector<T>& memory, std::uint64_t count) {
  if (memory.size() < count) memory.resize(count);
  return memory.data();
}

}  // namespace

Block::Block(Launch& launch) : launch(launch) {
  const Program& program = launch.program;
  const std::uint64_t bytes = program.shared_bytes + launch.dynamic_shared;
  shared_data_.resize(bytes);
  shared_state_.resize(bytes);
  fresh_shared_.assign(bytes, kOutside);
  const auto open = fresh_shared_.begin();
  for (const Variable& variable : program.shared) {
    std::fill_n(open + static_cast<std::ptrdiff_t>(variable.address), variable.bytes, kUnwritten);
  }
  std::fill_n(open + static_cast<std::ptrdiff_t>(program.shared_bytes), launch.dynamic_shared, kUnwritten);
  shared = {0,    bytes,          shared_data_.data(), shared_state_.data(), at_least(kept.shared_words, bytes / 4 + 1),
            true, "shared memory"};

  const std::uint64_t threads = (launch.thread_count() + 31) / 32 * 32;
  local_data_.resize(threads * program.local_bytes);
  local_state_.resize(local_data_.size());
  local = {0, program.local_bytes, nullptr, nullptr, nullptr, true, "local memory"};

  parameter_state_.assign(launch.parameters.size(), kDefined);
  parameters = {0,     launch.parameters.size(), launch.parameters.data(), parameter_state_.data(), nullptr,
                false, "the kernel's parameters"};
  Row* rows = at_least(kept.rows, threads / 32 * program.rows);
  for (std::uint32_t w = 0; w < threads / 32; ++w, rows += program.rows) {
    warps_.push_back(std::make_unique<Warp>(*this, w, rows));
  }
}

void Block::use_local(std::uint32_t thread) {
  local.data = local_data_.data() + thread * local.bytes;
  local.state = local_state_.data() + thread * local.bytes;
}

void Block::begin(std::uint64_t index) {
  const auto [x, y, z] = launch.blocks;
  place = {static_cast<std::uint32_t>(index % x), static_cast<std::uint32_t>(index / x % y),
           static_cast<std::uint32_t>(index / x / y)};
  serial = next_serial++;
  now = 1;
  last_barrier = last_fence = 0;
  acquired = false;
  sectors.clear();
  shared_state_ = fresh_shared_;
  std::fill(shared_data_.begin(), shared_data_.end(), 0xff);
  std::fill(local_state_.begin(), local_state_.end(), kUnwritten);
  std::fill(local_data_.begin(), local_data_.end(), 0xff);
  const std::uint32_t threads = launch.thread_count();
  for (std::uint32_t w = 0; w < warps_.size(); ++w) {
    const std::uint32_t lanes = std::min(32u, threads - w * 32);
    warps_[w]->begin(lanes == 32 ? ~0u : (1u << lanes) - 1);
  }
}

void Block::run(std::uint64_t index) {
  begin(index);
  for (std::uint64_t turns = 0;;) {
    bool all_wait = true, ended = true;
    for (const auto& warp : warps_) {
      if (warp->live() == 0 || warp->live() == warp->at_barrier()) continue;
      const bool waits = warp->run();
      all_wait &= waits;
      if (!waits && ++turns > kMostTurns) fail(*warp, 0, "no end", "the block does not come to an end");
    }
    for (const auto& warp : warps_) ended &= warp->live() == 0;
    if (ended) return;
    if (all_wait) release_barrier();
  }
}

// Every thread that has not ended waits: warps stop for nothing else.
void Block::release_barrier() {
  std::uint32_t votes = 0, threads = 0;
  for (const auto& warp : warps_) {
    if (warp->at_barrier() == 0) continue;
    warp->check_barrier();
    votes += static_cast<std::uint32_t>(std::popcount(warp->votes_at_barrier()));
    threads += static_cast<std::uint32_t>(std::popcount(warp->at_barrier()));
  }
  last_barrier = tick();
  for (const auto& warp : warps_) warp->release_barrier(votes, threads);
}

void Block::fail(const Warp& warp, int lane, const char* kind, const std::string& what) const {
  const auto [x, y, z] = place;
  throw Finding(kind, text(kind, ": ", what, ", in kernel ", launch.program.kernel->name, ", block (", x, ", ", y, ", ",
                           z, "), ", warp.where(lane), ", at: ", launch.program.text_of(warp.current())));
}

void run(Launch& launch) {
  launch.first_serial = next_serial;
  launch.sites.assign(launch.program.code.size(), {});
  const std::uint64_t blocks = std::uint64_t{launch.blocks[0]} * launch.blocks[1] * launch.blocks[2];
  Block block(launch);
  for (std::uint64_t index = 0; index < blocks; ++index) {
    block.run(index);
    launch.last_fence.push_back(block.last_fence);
  }
}

}  // namespace test_device
