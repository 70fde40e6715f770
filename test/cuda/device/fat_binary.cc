#include "fat_binary.h"

#include <cstdint>
#include <cstring>

#include "finding.h"

namespace test_device {

namespace {

struct Wrapper {
  std::uint32_t magic, version;
  const char* data;
  const void* unused;
};

struct Header {
  std::uint32_t magic;
  std::uint16_t version, header_bytes;
  std::uint64_t bytes;  // of all entries
};

struct Entry {
  std::uint16_t kind, version;
  std::uint32_t header_bytes;
  std::uint64_t bytes;
  std::uint32_t unused[6];
  std::uint64_t flags;
};

constexpr std::uint32_t kWrapperMagic = 0x466243b1, kHeaderMagic = 0xba55ed50;
constexpr std::uint16_t kPtx = 1;
constexpr std::uint64_t kCompressed = 0x2000 | 0x8000;

}  // namespace

std::vector<std::string_view> ptx_texts(const void* wrapper) {
  Wrapper outer;
  std::memcpy(&outer, wrapper, sizeof outer);
  Header header;
  if (outer.magic == kWrapperMagic) std::memcpy(&header, outer.data, sizeof header);
  if (outer.magic != kWrapperMagic || header.magic != kHeaderMagic) throw Unsupported("an unknown fat binary format");

  std::vector<std::string_view> texts;
  const char* at = outer.data + header.header_bytes;
  for (const char* end = at + header.bytes; at < end;) {
    Entry entry;
    std::memcpy(&entry, at, sizeof entry);
    if (entry.kind == kPtx) {
      if (entry.flags & kCompressed) throw Unsupported("compressed PTX: compile with nvcc --no-compress");
      std::string_view text(at + entry.header_bytes, entry.bytes);
      texts.push_back(text.substr(0, text.find('\0')));
    }
    at += entry.header_bytes + entry.bytes;
  }
  if (texts.empty()) throw Unsupported("a program without PTX: compile with code=compute_75");
  return texts;
}

}  // namespace test_device
