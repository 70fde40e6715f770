// Memory with a shadow: what is addressable, what has been written, and who touched each word last.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace test_device {

enum ByteState : std::uint8_t { kOutside, kUnwritten, kDefined };

// The last write or read of a word. 0: none.
struct __attribute__((packed, aligned(4))) Access {
  std::uint64_t who = 0;  // packed in races.cc
  std::uint32_t now = 0;  // the block's clock
};

struct Word {
  Access write, read;
};

struct Region {
  std::uint64_t base = 0, bytes = 0;
  std::uint8_t* data = nullptr;
  std::uint8_t* state = nullptr;
  Word* words = nullptr;  // null: one thread's own memory
  bool writable = true;
  std::string name;

  bool contains(std::uint64_t address, std::uint64_t count) const {
    return address >= base && count <= bytes && address - base <= bytes - count;
  }
};

// Windows of the generic address space; everything else is global.
constexpr std::uint64_t kSharedWindow = 1ull << 60, kLocalWindow = 2ull << 60, kParamWindow = 3ull << 60;

// Global memory. Addresses are host addresses within a reserved range; they are not used again after a free, and far
// apart, so that a pointer that strays hits nothing.
class GlobalMemory {
 public:
  static GlobalMemory& instance();

  // 0 when the memory is spent.
  std::uint64_t allocate(std::uint64_t bytes, std::string name);
  bool release(std::uint64_t address);  // false: no such allocation
  Region* find(std::uint64_t address);
  // What to say of an address that find() does not know.
  std::string describe(std::uint64_t address) const;
  std::uint64_t total() const { return total_; }
  std::uint64_t used() const { return used_; }

 private:
  GlobalMemory();

  std::map<std::uint64_t, Region> regions_, freed_;
  std::uint64_t start_, next_, total_, used_ = 0;
  Region* last_ = nullptr;
};

}  // namespace test_device
