#include "core/support/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include "core/support/error.h"

namespace collide {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// From here on memory is mapped. Later under AddressSanitizer, which does not watch mapped memory.
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kSmall = 32 * kHugePage;
#else
constexpr std::size_t kSmall = kHugePage;
#endif

}  // namespace

Memory::Memory(std::size_t bytes, const char* what) : bytes_(bytes) {
  if (bytes == 0) return;
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) {
    fail("OUT_OF_MEMORY", "Could not allocate ", bytes, " bytes for ", what);
  }
  // Not a byte more than asked for: AddressSanitizer sees the first one beyond.
  if (bytes < kSmall) {
    if (posix_memalign(&data_, 64, bytes) != 0) {
      data_ = nullptr;
      fail("OUT_OF_MEMORY", "Could not allocate ", bytes, " bytes for ", what);
    }
    std::memset(data_, 0, bytes);
    return;
  }
  mapped_ = (bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage;  // spare, to align the start
  mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) {
    mapping_ = nullptr;
    fail("OUT_OF_MEMORY", "Could not allocate ", bytes, " bytes for ", what);
  }
  const auto start = reinterpret_cast<std::uintptr_t>(mapping_);
  data_ = reinterpret_cast<void*>((start + kHugePage - 1) / kHugePage * kHugePage);
  madvise(data_, mapped_ - kHugePage, MADV_HUGEPAGE);  // advice only: without it tables work, slower
}

Memory Memory::copy(const char* what) const {
  Memory other(bytes_, what);
  if (bytes_ > 0) std::memcpy(other.data_, data_, bytes_);
  return other;
}

Memory::~Memory() {
  if (mapping_ != nullptr) {
    munmap(mapping_, mapped_);
  } else {
    std::free(data_);
  }
}

std::size_t available_memory() {
  std::size_t available = std::numeric_limits<std::size_t>::max();
  std::ifstream meminfo("/proc/meminfo");
  std::size_t total = 0;
  for (std::string key, rest; meminfo >> key; std::getline(meminfo, rest)) {
    std::size_t kilobytes = 0;
    if (key != "MemAvailable:" && key != "SwapFree:") continue;
    if (meminfo >> kilobytes) total += kilobytes * 1024;
    if (key == "SwapFree:") break;
  }
  if (total > 0) available = total;
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::size_t limit = 0;
    if (std::ifstream(path) >> limit) available = std::min(available, limit);  // "max" is no number: no limit
  }
  return available;
}

}  // namespace collide
