// A kind of hash function of a program's own through the templates that the shipped ones go through: the loop of the
// CPU, the thread of a device, the list of kinds, names and copies. Then the shipped ones, id by id against their own
// row().
#include "core/hashing/hash_kind.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "checks.h"
#include "core/hashing/any_kind.h"
#include "core/hashing/hash_function.h"
#include "core/hashing/rows_on_cpu.h"
#include "core/support/random.h"
#include "cuda/hashing/hash_rows.h"
#include "packed_entries.h"

namespace {

using namespace collide;
using namespace collide::checks;

// row = (last - id) % rows: modulo, counted from the last id.
class ReversedHash {
 public:
  static constexpr const char* kName = "reversed";
  static Made<ReversedHash> read(const HashParts& parts) {
    return {ReversedHash(parts.rows, static_cast<std::uint32_t>(parts.number("last")))};
  }

  ReversedHash(std::uint64_t rows, std::uint32_t last) : by_rows_(within_32_bits(rows)), last_(last) {}
  std::uint64_t rows() const { return by_rows_.divisor; }
  COLLIDE_HD std::uint32_t row(std::uint32_t id) const { return by_rows_.remainder(last_ - id); }

 private:
  Division by_rows_;
  std::uint32_t last_;
};

// row = the id's entry in its mapping: the least that a kind with memory is.
class ListHash {
 public:
  static constexpr const char* kName = "list";
  static Made<ListHash> read(const HashParts& parts) {
    const auto list = parts.words("list");
    Memory mapping(list.size * sizeof(std::uint32_t), "a list");
    std::memcpy(mapping.as<std::uint32_t>(), list.data, list.size * sizeof(std::uint32_t));
    return {ListHash(parts.rows), std::move(mapping)};
  }

  explicit ListHash(std::uint64_t rows) : rows_(rows) {}
  void read_from(const void* mapping) { rows_of_ids_ = static_cast<const std::uint32_t*>(mapping); }
  std::uint64_t rows() const { return rows_; }
  const char* misfit(std::uint64_t cardinality) const { return cardinality == 5 ? nullptr : "five ids"; }
  COLLIDE_HD std::uint32_t row(std::uint32_t id) const { return load(rows_of_ids_ + id); }

 private:
  const std::uint32_t* rows_of_ids_ = nullptr;
  std::uint64_t rows_;
};

using Ids = std::vector<std::uint32_t>;
using Toys = AnyKind<IdentityHash, ReversedHash, ListHash>;

class Parts : public HashParts {
 public:
  explicit Parts(Ids list) : HashParts(7, 5, "a test"), list_(std::move(list)) {}
  double number(const char*) const override { return 4; }
  std::uint64_t seed(const char*) const override { return 3; }
  std::string word(const char*) const override { return "modulo"; }
  Elements<std::uint8_t> bytes(const char*) const override { return {nullptr, 0}; }
  Elements<std::uint32_t> words(const char*) const override { return {list_.data(), list_.size()}; }

 private:
  Ids list_;
};

struct Read {
  Toys kind;
  Memory mapping;
  template <typename Kind>
  explicit Read(Made<Kind> made) : kind(made.kind), mapping(std::move(made.mapping)) {
    kind = kind.reading(mapping.as<void>());
  }
};

// The loop of the CPU and the thread of a device, for batches of many lengths, against row(), id by id.
template <typename Kind>
void compare(const Kind& kind, std::size_t mapping_bytes, std::uint64_t cardinality, const std::string& what) {
  bool loop = true, thread = true, untouched = true;
  for (const std::size_t n : {0, 1, 3, 4, 7, 8, 31, 48, 49, 64, 97, 2051}) {
    Ids ids(n), rows(n + 1, 0xabcdef01);
    for (std::size_t i = 0; i < n; ++i) ids[i] = static_cast<std::uint32_t>(high64(mix64(n ^ mix64(i)), cardinality));
    rows_on_cpu(kind, mapping_bytes, ids.data(), n, rows.data());
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint32_t three[] = {ids[i], ids[n - 1 - i], ids[0]};
      std::uint32_t found[3];
      rows_at_once(kind, three, found);
      loop = loop && rows[i] == kind.row(ids[i]);
      for (int k = 0; k < 3; ++k) thread = thread && found[k] == kind.row(three[k]);
    }
    untouched = untouched && rows[n] == 0xabcdef01;
  }
  check(loop, what + ": loop of the CPU");
  check(thread, what + ": thread of a device");
  check(untouched, what + ": nothing written behind the rows");
}

void toys() {
  for (const std::uint64_t rows : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{1000}, kMostRows}) {
    compare(ReversedHash(rows, 99'999), 0, 100'000, "reversed, " + std::to_string(rows) + " rows");
  }
  check(ReversedHash(4, 9).row(2) == 3, "reversed by its definition");

  const Parts parts({6, 0, 3, 3, 1});
  const Read reversed = Toys::read<Read>("reversed", parts), list = Toys::read<Read>("list", parts);
  check(reversed.kind.index() == 1 && list.kind.index() == 2, "kinds are found by name");
  check(reversed.kind.as<ReversedHash>().row(1) == 3, "a kind reads its parts");
  compare(list.kind.as<ListHash>(), list.mapping.bytes(), 5, "list");
  rejects("Expected one of identity, reversed, list for the kind of a test, received \"modulo\"",
          [&] { Toys::read<Read>("modulo", parts); });

  const std::uint32_t elsewhere[] = {1, 1, 2, 2, 5};
  const Toys moved = list.kind.reading(elsewhere);
  check(moved.as<ListHash>().row(4) == 5 && list.kind.as<ListHash>().row(4) == 1, "arrays lie where they are read");
  const auto rows = moved.visit([](const auto& kind) { return kind.rows(); });
  check(rows == 7 && moved.is<ListHash>() && !moved.is<IdentityHash>(), "visited as the kind that it is");
}

void shipped() {
  constexpr std::uint64_t ids = 70'000;
  Ids entries(ids), bitmap((ids + 31) / 32);
  for (std::uint32_t id = 0; id < ids; ++id) {
    entries[id] = static_cast<std::uint32_t>(mix64(id) % 501);
    if (mix64(id) % 7 == 0) bitmap[id / 32] |= 1u << id % 32;
  }
  std::vector<HashFunction> functions;
  functions.emplace_back(IdentityHash(ids));
  functions.emplace_back(ModuloHash(1000));
  functions.emplace_back(MixedHash(1000, 5));
  functions.emplace_back(QuotientHash(10'000, 7));
  functions.emplace_back(MixedRadixHash(100, 7));
  for (const unsigned bits : {9u, 16u, 24u, 32u}) {
    const auto packed = testing::packed_entries(entries, bits);
    functions.emplace_back(TableHash::make(500, bits, packed.data(), packed.size(), ids, "a test"));
  }
  for (const HotTail tail : {HotTail::kModulo, HotTail::kMixed}) {
    functions.emplace_back(HotHash::make(20'000, bitmap.data(), bitmap.size(), tail, 5, ids, "a test"));
  }
  bool kinds[AnyHash::kKinds] = {};
  for (const HashFunction& function : functions) {
    kinds[function.kind.index()] = true;
    const HashFunction copy = function.copy();
    check(copy.rows == function.rows && copy.mapping_bytes() == function.mapping_bytes(), "a copy is as large");
    check(copy.misfit(ids) == nullptr, "fits");
    copy.kind.visit([&](const auto& kind) { compare(kind, copy.mapping.bytes(), ids, kind.kName); });
    bool same = true;
    for (std::uint32_t id = 0; id < ids; id += 11) {
      std::uint32_t row;
      copy.rows_of(&id, 1, &row);
      const std::uint32_t one[] = {id};
      std::uint32_t found[1];
      cuda::rows_of_ids(function.kind, one, found);
      same = same && row == found[0];
    }
    check(same, "a copy gives the same rows");
  }
  for (const bool tested : kinds) check(tested, "every kind is tested");
  check(IdentityHash(ids).misfit(ids + 1) != nullptr, "an identity of another cardinality");
  check(QuotientHash(9'999, 7).misfit(ids) != nullptr, "too few rows for the quotient");
}

}  // namespace

int main() {
  toys();
  shipped();
  return summary();
}
