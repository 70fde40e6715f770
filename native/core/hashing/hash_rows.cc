// HashFunction::rows_of on the CPU. Computed kinds are plain loops of 32- and 64-bit arithmetic that the compiler
// vectorises; kinds with a mapping are scalar reads (three a cycle beat a vector gather), with prefetches when the
// mapping is too large for the cache. Single thread, measured in docs/performance.md. Deterministic.
#include <algorithm>
#include <cstring>

#include "core/hashing/hash_function.h"
#include "core/hashing/hot_ids.h"
#include "core/support/multiversion.h"

namespace collide {

namespace {

constexpr std::size_t kAhead = 48;  // ids that a prefetch is ahead of its use
// Bytes of a mapping that stay in the cache by themselves, beside the rows of a lookup: there a prefetch only costs its
// instruction.
constexpr std::size_t kCached = 1 << 16;

// read(i) for all i < n; when `far`, address(i) is prefetched kAhead reads before. A read is so short that the loop's
// own instructions count: unrolled it is up to 1.8 times as fast.
template <typename Address, typename Read>
COLLIDE_INLINE void read_all(std::size_t n, bool far, const Address& address, const Read& read) {
  std::size_t i = 0;
  if (far) {
    for (std::size_t k = 0; k < std::min(kAhead, n); ++k) __builtin_prefetch(address(k));
#pragma GCC unroll 4
    for (; i + kAhead < n; ++i) {
      __builtin_prefetch(address(i + kAhead));
      read(i);
    }
  }
#pragma GCC unroll 4
  for (; i < n; ++i) read(i);
}

// Entries of a whole number of bytes.
template <unsigned kBytes>
void read_bytes(const std::uint8_t* entries, const std::uint32_t* ids, std::size_t n, bool far, std::uint32_t* out) {
  constexpr std::uint32_t mask = 0xffffffff >> (32 - 8 * kBytes);
  const auto address = [=](std::size_t i) { return entries + std::size_t{ids[i]} * kBytes; };
  read_all(n, far, address, [=](std::size_t i) {
    std::uint32_t word;
    std::memcpy(&word, address(i), sizeof(word));
    out[i] = word & mask;
  });
}

// Entries of any number of bits up to 32: with the at most 31 bits before it in its first word an entry fits two words.
void read_bits(const std::uint8_t* entries, unsigned bits, const std::uint32_t* ids, std::size_t n, bool far,
               std::uint32_t* out) {
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  const auto first_word = [=](std::uint64_t at) { return entries + (at >> 5 << 2); };
  const auto address = [=](std::size_t i) { return first_word(std::uint64_t{ids[i]} * bits); };
  read_all(n, far, address, [=](std::size_t i) {
    const std::uint64_t at = std::uint64_t{ids[i]} * bits;
    std::uint64_t words;
    std::memcpy(&words, first_word(at), sizeof(words));
    out[i] = static_cast<std::uint32_t>(words >> (at & 31) & mask);
  });
}

void read_entries(const HashFunction& hash, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) {
  const auto* entries = hash.entries.as<std::uint8_t>();
  const bool far = hash.entries.bytes() > kCached;
  switch (hash.bits_per_entry) {
    case 8:
      return read_bytes<1>(entries, ids, n, far, out);
    case 16:
      return read_bytes<2>(entries, ids, n, far, out);
    case 24:
      return read_bytes<3>(entries, ids, n, far, out);
    case 32:
      return read_bytes<4>(entries, ids, n, far, out);
    default:
      return read_bits(entries, hash.bits_per_entry, ids, n, far, out);
  }
}

COLLIDE_MULTIVERSION
void mark_pruned(std::uint32_t* rows, std::size_t n, std::uint32_t pruned) {
  for (std::size_t i = 0; i < n; ++i) rows[i] = rows[i] == pruned ? kPruned : rows[i];
}

// out[i] = first + the hash of ids[i] over `rows` rows.
COLLIDE_MULTIVERSION
void modulo_rows(const std::uint32_t* ids, std::size_t n, std::uint32_t first, std::uint32_t rows, std::uint32_t* out) {
  const Division by_rows(rows);
  for (std::size_t i = 0; i < n; ++i) out[i] = first + by_rows.remainder(ids[i]);
}
COLLIDE_MULTIVERSION
void mixed_rows(const std::uint32_t* ids, std::size_t n, std::uint64_t seed, std::uint32_t first, std::uint32_t rows,
                std::uint32_t* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = first + mixed_row(ids[i], seed, rows);
}

COLLIDE_MULTIVERSION
void quotient_rows(const std::uint32_t* ids, std::size_t n, std::uint32_t divisor, std::uint32_t* out) {
  const Division by_divisor(divisor);
  for (std::size_t i = 0; i < n; ++i) out[i] = by_divisor.quotient(ids[i]);
}
COLLIDE_MULTIVERSION
void mixed_radix_rows(const std::uint32_t* ids, std::size_t n, std::uint32_t divisor, std::uint32_t rows,
                      std::uint32_t* out) {
  const Division by_divisor(divisor), by_rows(rows);
  for (std::size_t i = 0; i < n; ++i) out[i] = by_rows.remainder(by_divisor.quotient(ids[i]));
}

// `out` holds the rows the ids have if they own none.
COLLIDE_MULTIVERSION
void own_rows(const std::uint64_t* lines, const std::uint32_t* ids, std::size_t n, bool far, std::uint32_t* out) {
  const auto address = [=](std::size_t i) { return lines + hot_line(ids[i]) * kHotWordsPerLine; };
  read_all(n, far, address, [=](std::size_t i) { out[i] = hot_row(lines, ids[i], out[i]); });
}

void hot_rows_of(const HashFunction& hash, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) {
  const auto hot = static_cast<std::uint32_t>(hash.hot_rows), tail = static_cast<std::uint32_t>(hash.rows) - hot;
  if (tail > 0 && hash.mixed_tail) {
    mixed_rows(ids, n, hash.seed, hot, tail, out);
  } else if (tail > 0) {
    modulo_rows(ids, n, hot, tail, out);
  }  // else every id owns a row
  own_rows(hash.hot_lines.as<std::uint64_t>(), ids, n, hash.hot_lines.bytes() > kCached, out);
}

}  // namespace

void HashFunction::rows_of(const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const {
  const auto height = static_cast<std::uint32_t>(rows);
  // Ids are below 2^32 - 1, so every larger divisor gives 0 as that one does.
  const auto by = static_cast<std::uint32_t>(std::min(divisor, kMostRows));
  switch (kind) {
    case HashKind::kIdentity:
      std::copy_n(ids, n, out);
      return;
    case HashKind::kModulo:
      return modulo_rows(ids, n, 0, height, out);
    case HashKind::kMixed:
      return mixed_rows(ids, n, seed, 0, height, out);
    case HashKind::kQuotient:
      return quotient_rows(ids, n, by, out);
    case HashKind::kMixedRadix:
      return mixed_radix_rows(ids, n, by, height, out);
    case HashKind::kTable:
      read_entries(*this, ids, n, out);
      if (prunes) mark_pruned(out, n, height);
      return;
    case HashKind::kHot:
      return hot_rows_of(*this, ids, n, out);
  }
}

}  // namespace collide
