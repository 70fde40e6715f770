// The ids that own a row get their rank among them; every other id goes to a hash over the rows that are left, the
// tail.
//
// Who owns a row is a bitmap in lines of 64 bytes that carry their own ranks, 8/7 bit per id, so that the row of an id
// costs one cache line and at most two counts of bits. A line is eight 64-bit words for 448 ids. Word 0, the head: bits
// 0..31 count the set bits of all lines before; three fields of 9 bits from bit 32 count the set bits of this line
// before its words 3, 5 and 7. Words 1..7: one bit per id.
#pragma once

#include <bit>
#include <utility>

#include "core/hashing/hash_kind.h"
#include "core/hashing/kinds/mixed.h"
#include "core/hashing/kinds/modulo.h"
#include "core/support/error.h"
#include "core/support/names.h"

namespace collide {

enum class HotTail : std::uint8_t { kModulo, kMixed };
inline constexpr Names<HotTail> kHotTails({{"modulo", HotTail::kModulo}, {"mixed", HotTail::kMixed}});

class HotHash {
 public:
  static constexpr const char* kName = "hot";
  static Made<HotHash> read(const HashParts& parts) {
    const auto bitmap = parts.words("bitmap");
    const HotTail tail = kHotTails.value(parts.word("tail"), "the tail of " + parts.where);
    return make(parts.rows, bitmap.data, bitmap.size, tail, tail == HotTail::kMixed ? parts.seed("seed") : 0,
                parts.cardinality, parts.where);
  }

  // `bitmap` has one bit per id, set for those that own a row; it is copied and checked. Throws Error INVALID_ARGUMENT.
  static Made<HotHash> make(std::uint64_t rows, const std::uint32_t* bitmap, std::size_t words, HotTail tail,
                            std::uint64_t seed, std::uint64_t cardinality, const std::string& where) {
    if (words != (cardinality + 31) / 32) {
      fail("INVALID_ARGUMENT", "Expected a bitmap of ", (cardinality + 31) / 32, " words for ", where, ", received ",
           words);
    }
    if (cardinality % 32 != 0 && bitmap[words - 1] >> (cardinality % 32) != 0) {
      fail("INVALID_ARGUMENT", "Expected hot ids below ", cardinality, " for ", where);
    }
    constexpr std::size_t line_words = kIdsPerLine / 32;  // of the bitmap
    const std::size_t lines = (words + line_words - 1) / line_words;
    Memory mapping(lines * kWordsPerLine * sizeof(std::uint64_t), "a bitmap of hot ids");
    auto* out = mapping.as<std::uint64_t>();
    std::uint64_t rank = 0;
    for (std::size_t line = 0; line < lines; ++line, out += kWordsPerLine) {
      out[0] = rank;
      std::uint64_t before = 0;  // set bits of this line
      for (std::size_t word = 0; word < kWordsPerLine - 1; ++word) {
        if (word == 2 || word == 4 || word == 6) out[0] |= before << (32 + 9 * (word / 2 - 1));
        const std::size_t at = line * line_words + 2 * word;
        const std::uint64_t low = at < words ? bitmap[at] : 0, high = at + 1 < words ? bitmap[at + 1] : 0;
        out[1 + word] = high << 32 | low;
        before += static_cast<std::uint64_t>(std::popcount(out[1 + word]));
      }
      rank += before;
    }
    if (rank > rows || (rank == rows && rank < cardinality)) {
      fail("INVALID_ARGUMENT", "Expected fewer hot ids than rows (", rows, ") for ", where, ", received ", rank);
    }
    HotHash hot;
    hot.read_from(mapping.as<void>());
    hot.rows_ = within_32_bits(rows);
    hot.owned_ = static_cast<std::uint32_t>(rank);
    hot.mixed_ = tail == HotTail::kMixed;
    // Over no rows where every id owns one: then nobody asks the tail.
    hot.by_modulo_ = ModuloHash(rows - rank);
    hot.by_mixing_ = MixedHash(rows - rank, mix64(seed));
    return {hot, std::move(mapping)};
  }

  void read_from(const void* mapping) { lines_ = static_cast<const std::uint64_t*>(mapping); }
  std::uint64_t rows() const { return rows_; }

  COLLIDE_HD std::uint32_t row(std::uint32_t id) const {
    return row_or(id, owned_ + (mixed_ ? by_mixing_.row(id) : by_modulo_.row(id)));
  }

  template <typename Cpu>
  void rows_of(const Cpu& cpu, const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const {
    if (mixed_) {
      cpu.each(Behind<MixedHash>{by_mixing_, owned_}, ids, n, out);
    } else {
      cpu.each(Behind<ModuloHash>{by_modulo_, owned_}, ids, n, out);
    }
    cpu.vectorised([=, hot = *this]() COLLIDE_INLINED {  // where it counts bits, an instruction does
      const auto address = [=](std::size_t i) {
        return hot.lines_ + ids[i] / kIdsPerLine * std::size_t{kWordsPerLine};
      };
      cpu.read(n, address, [=](std::size_t i) { out[i] = hot.row_or(ids[i], out[i]); });
    });
  }

 private:
  static constexpr std::uint32_t kIdsPerLine = 448, kWordsPerLine = 8;

  // A tail, its rows behind those that are owned.
  template <typename Tail>
  struct Behind {
    Tail tail;
    std::uint32_t owned;
    std::uint32_t row(std::uint32_t id) const { return owned + tail.row(id); }
  };

  // The row of an id: its rank among the ids that own one, or `cold` for an id that does not. Free of branches: whether
  // the next id is hot cannot be predicted.
  COLLIDE_HD std::uint32_t row_or(std::uint32_t id, std::uint32_t cold) const {
    const std::uint64_t* line = lines_ + id / kIdsPerLine * std::size_t{kWordsPerLine};
    const std::uint32_t word = id % kIdsPerLine / 64, bit = id % 64;
    const std::uint64_t head = load(line), bits = load(line + 1 + word);
    // The heads count pairs of words; of a pair's second word the first is still to be counted.
    const std::uint64_t first_of_pair = load(line + word) & (std::uint64_t{0} - (word & 1));
    std::uint32_t rank = static_cast<std::uint32_t>(head);
    rank += static_cast<std::uint32_t>((head >> 32 << 9) >> (9 * (word / 2))) & 511;
    rank += count_ones(first_of_pair) + count_ones(bits & ((std::uint64_t{1} << bit) - 1));
    const std::uint32_t owned = 0u - static_cast<std::uint32_t>(bits >> bit & 1);
    return (rank & owned) | (cold & ~owned);
  }

  const std::uint64_t* lines_ = nullptr;
  ModuloHash by_modulo_;
  MixedHash by_mixing_;
  std::uint32_t rows_ = 1, owned_ = 0;
  bool mixed_ = false;
};

}  // namespace collide
