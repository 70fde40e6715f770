#include "memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "finding.h"

namespace test_device {

namespace {

constexpr std::uint64_t kReserved = 1ull << 42, kPage = 4096;
constexpr std::uint8_t kGarbage = 0xff;  // NaN, -1

void* mapped(std::uint64_t bytes, int protection, void* at = nullptr) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at == nullptr ? 0 : MAP_FIXED);
  void* memory = mmap(at, bytes, protection, flags, -1, 0);
  if (memory == MAP_FAILED) throw Unsupported("the test device could not reserve address space");
  return memory;
}

std::uint64_t pages(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

std::uint64_t words(std::uint64_t bytes) {
  return (bytes + 3) / 4;
}

}  // namespace

GlobalMemory& GlobalMemory::instance() {
  static auto* memory = new GlobalMemory;  // outlives the destructors of the program, which free
  return *memory;
}

GlobalMemory::GlobalMemory() {
  start_ = next_ = reinterpret_cast<std::uint64_t>(mapped(kReserved, PROT_NONE));
  const char* limit = std::getenv("TEST_DEVICE_MEMORY");
  total_ = limit != nullptr ? std::strtoull(limit, nullptr, 0) : 2ull << 30;
}

std::uint64_t GlobalMemory::allocate(std::uint64_t bytes, std::string name) {
  if (bytes > total_ - used_) return 0;
  const std::uint64_t size = pages(std::max<std::uint64_t>(bytes, 1));
  const std::uint64_t gap = std::max<std::uint64_t>(64 * kPage, size);
  if (next_ + size + gap > start_ + kReserved) return 0;
  Region region;
  region.base = next_;
  region.bytes = bytes;
  region.data = static_cast<std::uint8_t*>(
      mapped(size, PROT_READ | PROT_WRITE, reinterpret_cast<void*>(static_cast<std::uintptr_t>(next_))));
  region.state = static_cast<std::uint8_t*>(mapped(size, PROT_READ | PROT_WRITE));
  region.words = static_cast<Word*>(mapped(words(size) * sizeof(Word), PROT_READ | PROT_WRITE));
  region.name = std::move(name);
  std::memset(region.data, kGarbage, bytes);
  std::memset(region.state, kUnwritten, bytes);
  next_ += size + gap;
  used_ += bytes;
  return regions_.emplace(region.base, region).first->first;
}

bool GlobalMemory::release(std::uint64_t address) {
  const auto found = regions_.find(address);
  if (found == regions_.end()) return false;
  const Region region = found->second;
  const std::uint64_t size = pages(std::max<std::uint64_t>(region.bytes, 1));
  mapped(size, PROT_NONE, region.data);  // gives the pages back, keeps the addresses
  munmap(region.state, size);
  munmap(region.words, words(size) * sizeof(Word));
  used_ -= region.bytes;
  last_ = nullptr;
  regions_.erase(found);
  freed_[region.base] = region;
  return true;
}

Region* GlobalMemory::find(std::uint64_t address) {
  if (last_ != nullptr && last_->contains(address, 1)) return last_;
  auto after = regions_.upper_bound(address);
  if (after == regions_.begin()) return nullptr;
  Region& region = std::prev(after)->second;
  if (!region.contains(address, 1)) return nullptr;
  return last_ = &region;
}

std::string GlobalMemory::describe(std::uint64_t address) const {
  const Region* near = nullptr;
  bool freed = false;
  for (const auto* list : {&regions_, &freed_}) {
    const auto after = list->upper_bound(address);
    if (after == list->begin()) continue;
    const Region& region = std::prev(after)->second;
    if (near == nullptr || region.base > near->base) {
      near = &region;
      freed = list == &freed_;
    }
  }
  if (near == nullptr) return address < 4096 ? "a null pointer" : "no allocation is below it";
  return text(address - near->base, " bytes into ", near->name, " of ", near->bytes, " bytes",
              freed ? ", which was freed" : "");
}

}  // namespace test_device
