// row = entries[id]: what a clustering yields. Entries are packed, a little-endian stream of 1 to 32 bits each, entry
// of id 0 first; an entry is a row, or `rows` for an id that owns none. For 8, 16, 24 and 32 bits the stream is plain
// little-endian bytes.
#pragma once

#include <cstring>

#include "core/hashing/hash_kind.h"
#include "core/support/error.h"

namespace collide {

class TableHash {
 public:
  static constexpr const char* kName = "table";
  static constexpr std::size_t kPadding = 7;  // so that eight bytes can be read from the first of any entry
  static Made<TableHash> read(const HashParts& parts) {
    const auto entries = parts.bytes("entries");
    return make(parts.rows, static_cast<unsigned>(parts.number("bitsPerEntry")), entries.data, entries.size,
                parts.cardinality, parts.where);
  }

  // `entries` are ceil(cardinality * bits / 8) bytes, which are copied and checked: some ns an id. Throws Error
  // INVALID_ARGUMENT.
  static Made<TableHash> make(std::uint64_t rows, unsigned bits, const std::uint8_t* entries, std::size_t bytes,
                              std::uint64_t cardinality, const std::string& where) {
    if (rows < 1 || rows > kMostRows) {
      fail("INVALID_ARGUMENT", "Expected 1 to ", kMostRows, " rows for ", where, ", received ", rows);
    }
    if (bits < 1 || bits > 32 || bytes != (cardinality * bits + 7) / 8) {
      fail("INVALID_ARGUMENT", "Expected ", cardinality, " packed entries for ", where, ", received ", bytes,
           " bytes of ", bits, " bits per entry");
    }
    TableHash table;
    table.rows_ = static_cast<std::uint32_t>(rows);
    table.bits_ = static_cast<std::uint8_t>(bits);
    Memory mapping(bytes + kPadding, "a mapping");
    if (bytes > 0) std::memcpy(mapping.as<std::uint8_t>(), entries, bytes);
    table.read_from(mapping.as<void>());
    for (std::uint64_t id = 0; id < cardinality; ++id) {
      const std::uint32_t entry = table.entry(static_cast<std::uint32_t>(id));
      if (entry > rows) {
        fail("INVALID_ARGUMENT", "Expected entries up to ", rows, " (rows, which stands for pruned) for ", where,
             ", received ", entry, " for id ", id);
      }
      table.prunes_ = table.prunes_ || entry == rows;
    }
    return {table, std::move(mapping)};
  }

  void read_from(const void* mapping) { entries_ = static_cast<const std::uint32_t*>(mapping); }
  std::uint64_t rows() const { return rows_; }
  // Whether some id owns no row.
  bool prunes() const { return prunes_; }

  COLLIDE_HD std::uint32_t row(std::uint32_t id) const { return row_of(entry(id)); }

  // Entries of whole bytes are read as such.
  template <int kIds>
  COLLIDE_HD void rows_at_once(const std::uint32_t (&ids)[kIds], std::uint32_t (&rows)[kIds]) const {
    if (bits_ == 8) {
      for (int k = 0; k < kIds; ++k) rows[k] = load(reinterpret_cast<const std::uint8_t*>(entries_) + ids[k]);
    } else if (bits_ == 16) {
      for (int k = 0; k < kIds; ++k) rows[k] = load(reinterpret_cast<const std::uint16_t*>(entries_) + ids[k]);
    } else if (bits_ == 32) {
      for (int k = 0; k < kIds; ++k) rows[k] = load(entries_ + ids[k]);
    } else {
      for (int k = 0; k < kIds; ++k) rows[k] = entry(ids[k]);
    }
    if (!prunes_) return;
    for (int k = 0; k < kIds; ++k) rows[k] = rows[k] == rows_ ? kPruned : rows[k];
  }

  template <typename Cpu>
  void rows_of(const Cpu& cpu, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const {
    switch (bits_) {
      case 8:
        read_bytes<1>(cpu, ids, n, out);
        break;
      case 16:
        read_bytes<2>(cpu, ids, n, out);
        break;
      case 24:
        read_bytes<3>(cpu, ids, n, out);
        break;
      case 32:
        read_bytes<4>(cpu, ids, n, out);
        break;
      default:
        read_bits(cpu, ids, n, out);
    }
    if (!prunes_) return;
    cpu.vectorised([out, n, rows = rows_]() COLLIDE_INLINED {
      for (std::size_t i = 0; i < n; ++i) out[i] = out[i] == rows ? kPruned : out[i];
    });
  }

 private:
  COLLIDE_HD std::uint32_t row_of(std::uint32_t entry) const { return prunes_ && entry == rows_ ? kPruned : entry; }

  // Of any number of bits: out of the aligned words that hold its first and its last bit.
  COLLIDE_HD std::uint32_t entry(std::uint32_t id) const {
    const std::uint64_t at = std::uint64_t{id} * bits_;
    const std::uint32_t* word = entries_ + at / 32;
    const std::uint64_t low = load(word), high = load(word + 1);
    return static_cast<std::uint32_t>((high << 32 | low) >> (at % 32)) & (0xffffffff >> (32 - bits_));
  }

  // Entries of a whole number of bytes.
  template <unsigned kBytes, typename Cpu>
  void read_bytes(const Cpu& cpu, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const {
    constexpr std::uint32_t mask = 0xffffffff >> (32 - 8 * kBytes);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(entries_);
    const auto address = [=](std::size_t i) { return bytes + std::size_t{ids[i]} * kBytes; };
    cpu.read(n, address, [=](std::size_t i) {
      std::uint32_t word;
      std::memcpy(&word, address(i), sizeof(word));
      out[i] = word & mask;
    });
  }

  // Of any number of bits: with the at most 31 bits before it in its first word an entry fits two words.
  template <typename Cpu>
  void read_bits(const Cpu& cpu, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const {
    const unsigned bits = bits_;
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(entries_);
    const auto first_word = [=](std::uint64_t at) { return bytes + (at >> 5 << 2); };
    const auto address = [=](std::size_t i) { return first_word(std::uint64_t{ids[i]} * bits); };
    cpu.read(n, address, [=](std::size_t i) {
      const std::uint64_t at = std::uint64_t{ids[i]} * bits;
      std::uint64_t words;
      std::memcpy(&words, first_word(at), sizeof(words));
      out[i] = static_cast<std::uint32_t>(words >> (at & 31) & mask);
    });
  }

  const std::uint32_t* entries_ = nullptr;  // readable in whole words to the one behind the last entry
  std::uint32_t rows_ = 1;
  std::uint8_t bits_ = 32;
  bool prunes_ = false;
};

}  // namespace collide
