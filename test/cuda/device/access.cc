// Loads, stores, atomics and fences. Every access is checked: within an allocation, aligned, ordered, of memory that
// was written; requests of warps to global memory are counted in 32-byte sectors.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "block.h"
#include "finding.h"
#include "opcode.h"
#include "races.h"
#include "report.h"

namespace test_device {

namespace {

struct Place {
  Region* region;
  std::uint64_t offset;
  bool defined = false;  // all of its bytes have been written

  std::uint8_t* data() const { return region->data + offset; }
  std::uint8_t* state() const { return region->state + offset; }
};

[[noreturn]] void outside(Warp& warp, int lane, const char* what, std::uint64_t bytes, const std::string& where) {
  warp.block.fail(warp, lane, "out of bounds", text(what, " of ", bytes, " bytes at ", where));
}

// Whether `count` elements have all been written. Asked first of every access, as a few whole numbers: what is defined
// is also open.
template <typename T>
bool all_defined(const std::uint8_t* state, int count) {
  constexpr auto kAll = static_cast<T>(kDefined * 0x0101010101010101ull);
  bool all = true;
  for (int v = 0; v < count; ++v) {
    T states;
    std::memcpy(&states, state + static_cast<std::size_t>(v) * sizeof(T), sizeof states);
    all &= states == kAll;
  }
  return all;
}

// Where a lane's access goes, within bounds and aligned.
template <typename T>
Place place(Warp& warp, int lane, const Instruction& i, std::uint64_t address, const char* what) {
  const std::uint64_t bytes = sizeof(T) * i.vector;
  Block& block = warp.block;
  Space space = i.space;
  if (space == Space::kGeneric) {
    const std::uint64_t window = address >> 60;
    space = window == 0 ? Space::kGlobal : window == 1 ? Space::kShared : window == 2 ? Space::kLocal : Space::kParam;
    address &= (1ull << 60) - 1;
  }
  Region* region = nullptr;
  if (space == Space::kGlobal) {
    region = GlobalMemory::instance().find(address);
    if (region == nullptr) {
      outside(warp, lane, what, bytes,
              text("a global address that is not allocated: ", GlobalMemory::instance().describe(address)));
    }
  } else if (space == Space::kShared) {
    region = &block.shared;
    address &= 0xffffffff;
  } else if (space == Space::kLocal) {
    block.use_local(warp.thread(lane));
    region = &block.local;
    address &= 0xffffffff;
  } else {
    region = &block.parameters;
  }
  Place found{region, address - region->base};
  const bool inside = region->contains(address, bytes);
  found.defined = inside && all_defined<T>(found.state(), i.vector);
  if (!inside || (!found.defined && std::memchr(found.state(), kOutside, bytes) != nullptr)) {
    outside(warp, lane, what, bytes, text("byte ", found.offset, " of ", region->name, ", ", region->bytes, " bytes"));
  }
  if (address % bytes != 0) {
    warp.block.fail(warp, lane, "misaligned",
                    text(what, " of ", bytes, " bytes at byte ", found.offset, " of ", region->name));
  }
  return found;
}

// Calls body(offset of the word, which of its bytes) for the words of an access.
template <typename F>
void each_word(std::uint64_t offset, std::uint64_t bytes, F body) {
  if (bytes < 4) return body(offset & ~3ull, ((1u << bytes) - 1) << offset % 4);
  for (std::uint64_t at = offset; at < offset + bytes; at += 4) body(at, 15u);
}

// The addresses of one request of a warp.
struct Request {
  std::uint64_t address[32];
  int count = 0;

  void add(std::uint64_t at) { address[count++] = at; }

  // How many distinct 32-byte sectors it touches, and how many of them are new to the block.
  void count_sectors(Block& block, Site& site, std::uint64_t bytes) {
    std::uint64_t sectors[64];
    int n = 0;
    for (int k = 0; k < count; ++k) {
      const std::uint64_t first = address[k] / 32, last = (address[k] + bytes - 1) / 32;
      if (n == 0 || sectors[n - 1] != first) sectors[n++] = first;
      if (last != first) sectors[n++] = last;
    }
    std::sort(sectors, sectors + n);
    site.requests += 1;
    site.bytes += static_cast<std::uint64_t>(count) * bytes;
    const std::uint64_t* end = std::unique(sectors, sectors + n);
    site.sectors += static_cast<std::uint64_t>(end - sectors);
    for (const std::uint64_t* sector = sectors; sector < end; ++sector) {
      site.block_sectors += block.sectors.insert(*sector).second ? 1 : 0;
    }
  }

  // How often the 32 banks of shared memory have to be read: distinct words of the fullest bank, for 4-byte words.
  void count_passes(Site& site, std::uint64_t bytes) {
    std::uint64_t words[32];
    for (int k = 0; k < count; ++k) words[k] = address[k] / 4;
    std::sort(words, words + count);
    const auto n = std::unique(words, words + count) - words;
    int in_bank[32] = {};
    for (int k = 0; k < n; ++k) ++in_bank[words[k] % 32];
    site.shared_requests += 1;
    site.shared_passes +=
        static_cast<std::uint64_t>(*std::max_element(in_bank, in_bank + 32)) * std::max<std::uint64_t>(1, bytes / 4);
  }
};

// T: an unsigned integer of an element's size.
template <typename T, typename Body>
void access(Warp& warp, const Instruction& i, int address_operand, const char* what, Body body) {
  const Row& addresses = warp.row(i.operand[address_operand]);
  warp.need_defined(warp.undefined(i.operand[address_operand]), "is an address");
  Request request;
  Region* region = nullptr;
  warp.each([&](int l) {
    const std::uint64_t address = addresses.lane[l] + static_cast<std::uint64_t>(i.offset);
    const Place at = place<T>(warp, l, i, address, what);
    region = at.region;
    request.add(at.region->base + at.offset);
    body(l, at);
  });
  Block& block = warp.block;
  if (region == &block.local || region == &block.parameters) return;
  if (report_wanted()) {
    Site& site = block.launch.sites[static_cast<std::size_t>(&warp.current() - block.launch.program.code.data())];
    const std::uint64_t bytes = sizeof(T) * i.vector;
    if (region == &block.shared) {
      request.count_passes(site, bytes);
    } else {
      request.count_sectors(block, site, bytes);
    }
  }
  if (region == &block.shared) return;
  block.acquired |= i.strong;
  if (i.fences) block.last_fence = block.tick();
}

template <typename T, bool kSigned>
void load(Warp& warp, const Instruction& i) {
  std::uint32_t undefined[4] = {};
  Row* targets[4];
  for (int v = 0; v < i.vector; ++v) targets[v] = &warp.target(i.operand[v]);
  access<T>(warp, i, i.vector, "a read", [&](int l, const Place& at) {
    if (at.region->words != nullptr) {
      each_word(at.offset, sizeof(T) * i.vector, [&](std::uint64_t word, std::uint32_t mask) {
        note_read(warp, l, *at.region, word, mask, i.strong, i.read_only);
      });
    }
    for (int v = 0; v < i.vector; ++v) {
      T value;
      std::memcpy(&value, at.data() + static_cast<std::size_t>(v) * sizeof(T), sizeof value);
      using Signed = std::make_signed_t<T>;
      targets[v]->lane[l] = kSigned ? static_cast<std::uint64_t>(std::int64_t{static_cast<Signed>(value)}) : value;
      if (at.defined || all_defined<T>(at.state() + static_cast<std::size_t>(v) * sizeof(T), 1)) continue;
      undefined[v] |= 1u << l;
    }
  });
  for (int v = 0; v < i.vector; ++v) warp.set_undefined(i.operand[v], undefined[v]);
}

void check_writable(Warp& warp, int lane, const Place& at) {
  if (!at.region->writable) {
    warp.block.fail(warp, lane, "out of bounds", text("a write to ", at.region->name, ", which is constant"));
  }
}

template <typename T>
void store(Warp& warp, const Instruction& i) {
  const Row* values[4];
  std::uint32_t undefined[4], any = 0;
  for (int v = 0; v < i.vector; ++v) {
    values[v] = &warp.row(i.operand[1 + v]);
    any |= undefined[v] = warp.undefined(i.operand[1 + v]);
  }
  access<T>(warp, i, 0, "a write", [&](int l, const Place& at) {
    check_writable(warp, l, at);
    T fresh[4], old[4];
    bool changes = false;
    for (int v = 0; v < i.vector; ++v) {
      fresh[v] = static_cast<T>(values[v]->lane[l]);
      std::memcpy(&old[v], at.data() + static_cast<std::size_t>(v) * sizeof(T), sizeof(T));
      changes |= fresh[v] != old[v];
    }
    if (at.region->words != nullptr) {
      each_word(at.offset, sizeof(T) * i.vector, [&](std::uint64_t word, std::uint32_t mask) {
        note_write(warp, l, *at.region, word, mask, i.strong, changes);
      });
    }
    for (int v = 0; v < i.vector; ++v) {
      std::memcpy(at.data() + static_cast<std::size_t>(v) * sizeof(T), &fresh[v], sizeof(T));
    }
    if (at.defined && (any >> l & 1) == 0) return;
    for (int v = 0; v < i.vector; ++v) {
      const bool lost = (undefined[v] >> l & 1) != 0;
      std::memset(at.state() + static_cast<std::size_t>(v) * sizeof(T), lost ? kUnwritten : kDefined, sizeof(T));
    }
  });
}

// kFirst: the operand after which address and values come (1, or 0 for red, which has no result).
template <typename T, int kFirst, typename F>
void atomic(Warp& warp, const Instruction& i) {
  using Element = std::conditional_t<sizeof(T) == 8, std::uint64_t,
                                     std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;
  access<Element>(warp, i, kFirst, "an atomic operation", [&](int l, const Place& at) {
    check_writable(warp, l, at);
    if (!at.defined) {
      warp.block.fail(
          warp, l, "uninitialised value",
          text("an atomic operation on byte ", at.offset, " of ", at.region->name, ", which was never written"));
    }
    each_word(at.offset, sizeof(T), [&](std::uint64_t word, std::uint32_t mask) {
      note_read(warp, l, *at.region, word, mask, true, false);
      note_write(warp, l, *at.region, word, mask, true, true);
    });
    T old;
    std::memcpy(&old, at.data(), sizeof old);
    const T fresh = F{}(old, warp.row(i.operand[kFirst + 1]).get<T>(l), warp.row(i.operand[kFirst + 2]).get<T>(l));
    std::memcpy(at.data(), &fresh, sizeof fresh);
    if (kFirst == 1) warp.target(i.operand[0]).set(l, old);
  });
  warp.need_defined(warp.undefined(i.operand[kFirst + 1]), "is an operand of an atomic operation");
  if (kFirst == 1) warp.set_undefined(i.operand[0], 0);
}

template <typename T, typename F>
Run atomic_of(bool has_result, F) {
  return has_result ? &atomic<T, 1, F> : &atomic<T, 0, F>;
}

template <typename T>
Run arithmetic_atomic(std::string_view operation, bool result) {
  if (operation == "add") return atomic_of<T>(result, [](T a, T b, T) { return static_cast<T>(a + b); });
  if (operation == "min") return atomic_of<T>(result, [](T a, T b, T) { return std::min(a, b); });
  if (operation == "max") return atomic_of<T>(result, [](T a, T b, T) { return std::max(a, b); });
  return nullptr;
}

template <typename T>
Run bit_atomic(std::string_view operation, bool result) {
  if (operation == "and") return atomic_of<T>(result, [](T a, T b, T) { return static_cast<T>(a & b); });
  if (operation == "or") return atomic_of<T>(result, [](T a, T b, T) { return static_cast<T>(a | b); });
  if (operation == "xor") return atomic_of<T>(result, [](T a, T b, T) { return static_cast<T>(a ^ b); });
  if (operation == "exch") return atomic_of<T>(result, [](T, T b, T) { return b; });
  if (operation == "cas") return atomic_of<T>(result, [](T a, T b, T c) { return a == b ? c : a; });
  return nullptr;
}

Run atomic_operation(std::string_view operation, std::string_view type, bool result) {
  using U32 = std::uint32_t;
  if (operation == "inc") return atomic_of<U32>(result, [](U32 a, U32 b, U32) { return a >= b ? 0 : a + 1; });
  if (operation == "dec") return atomic_of<U32>(result, [](U32 a, U32 b, U32) { return a == 0 || a > b ? b : a - 1; });
  if (type == "u32") return arithmetic_atomic<std::uint32_t>(operation, result);
  if (type == "s32") return arithmetic_atomic<std::int32_t>(operation, result);
  if (type == "u64") return arithmetic_atomic<std::uint64_t>(operation, result);
  if (type == "s64") return arithmetic_atomic<std::int64_t>(operation, result);
  if (type == "f32" && operation == "add") return arithmetic_atomic<float>(operation, result);
  if (type == "f64" && operation == "add") return arithmetic_atomic<double>(operation, result);
  if (type == "b16") return bit_atomic<std::uint16_t>(operation, result);
  if (type == "b32") return bit_atomic<std::uint32_t>(operation, result);
  if (type == "b64") return bit_atomic<std::uint64_t>(operation, result);
  return nullptr;
}

void fence(Warp& warp, const Instruction& i) {
  const std::uint32_t now = warp.block.tick();
  if (i.fences) warp.block.last_fence = now;
}

void nothing(Warp&, const Instruction&) {}

void take_space(Opcode& op, Instruction& i) {
  const std::string_view space = op.take_one({"global", "const", "shared::cta", "shared", "local", "param"});
  i.space = space.empty()                 ? Space::kGeneric
            : space.starts_with("shared") ? Space::kShared
            : space == "local"            ? Space::kLocal
            : space == "param"            ? Space::kParam
                                          : Space::kGlobal;
}

// The memory order and its scope; caching hints do not matter here.
void take_order(Opcode& op, Instruction& i) {
  const std::string_view order = op.take_one({"volatile", "relaxed", "acquire", "release", "acq_rel", "weak", "mmio"});
  const std::string_view scope = op.take_one({"cta", "cluster", "gpu", "sys"});
  i.strong = !order.empty() && order != "weak";
  i.fences = (order == "release" || order == "acq_rel") && scope != "cta";
  op.take_one({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  op.take_one({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
  op.take_one({"L2::64B", "L2::128B", "L2::256B"});
}

template <typename T>
Run load_or_store(bool loads, bool is_signed) {
  if (!loads) return store<T>;
  return is_signed ? load<T, true> : load<T, false>;
}

}  // namespace

Run memory_access(Opcode& op, Instruction& i) {
  if (op.name == "membar" || op.name == "fence") {
    op.take_one({"sc", "acq_rel"});
    i.fences = op.take_one({"cta", "gl", "gpu", "sys", "cluster"}) != "cta";
    return fence;
  }
  if (op.name == "prefetch" || op.name == "prefetchu") {
    take_space(op, i);
    op.take_one({"L1", "L2"});
    return nothing;
  }
  const bool atomic = op.name == "atom", reduction = op.name == "red", loads = op.name == "ld";
  if (!atomic && !reduction && !loads && op.name != "st") return nullptr;
  take_space(op, i);
  take_order(op, i);
  if (atomic || reduction) {
    i.strong = true;
    const std::string_view operation =
        op.take_one({"add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas"});
    const std::string_view type = op.take_type();
    return atomic_operation(operation, type, atomic);
  }
  i.read_only = op.take("nc");
  const std::string_view vector = op.take_one({"v2", "v4"});
  i.vector = vector == "v4" ? 4 : vector == "v2" ? 2 : 1;
  const std::string_view type = op.take_type();
  const bool is_signed = type.starts_with('s');
  if (type.ends_with("64")) return load_or_store<std::uint64_t>(loads, is_signed);
  if (type.ends_with("32")) return load_or_store<std::uint32_t>(loads, is_signed);
  if (type.ends_with("16")) return load_or_store<std::uint16_t>(loads, is_signed);
  return type.ends_with("8") ? load_or_store<std::uint8_t>(loads, is_signed) : nullptr;
}

}  // namespace test_device
