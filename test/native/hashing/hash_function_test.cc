// Hash functions against their definitions: every kind by % and /, 128-bit products, single bits and counts, on all
// sizes of batch around the unrolled and prefetching loops; complementary partitions exhaustively; refused input.
#include "core/hashing/hash_function.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "core/support/error.h"
#include "core/support/portable.h"
#include "packed_entries.h"

namespace {

using namespace collide;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code + " " + error.what();
  }
  return "nothing thrown";
}

using Ids = std::vector<std::uint32_t>;

Ids random_ids(std::uint64_t cardinality, std::size_t n, std::uint64_t seed) {
  Ids ids(n);
  for (std::size_t i = 0; i < n; ++i) ids[i] = static_cast<std::uint32_t>(high64(mix64(seed ^ mix64(i)), cardinality));
  if (n > 0) ids[n - 1] = static_cast<std::uint32_t>(cardinality - 1);
  return ids;
}

// rows_of for batches of many lengths against the definition, id by id; nothing is written behind the batch.
void compare(const HashFunction& hash, std::uint64_t cardinality, const std::string& what,
             const std::function<std::uint64_t(std::uint64_t)>& row_of) {
  bool same = true, untouched = true;
  for (const std::size_t n : {0, 1, 3, 4, 7, 8, 47, 48, 49, 63, 64, 97, 1024, 2051}) {
    const Ids ids = random_ids(cardinality, n, n);
    Ids rows(n + 1, 0xabcdef01);
    hash.rows_of(ids.data(), n, rows.data());
    for (std::size_t i = 0; i < n; ++i) same = same && rows[i] == row_of(ids[i]);
    untouched = untouched && rows[n] == 0xabcdef01;
  }
  check(same, what);
  check(untouched, what + ": nothing written behind the rows");
}

void division() {
  std::vector<std::uint32_t> divisors = {1,     2,     3,          5,          7,          10,         641,       65535,
                                         65536, 65537, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
  Ids numbers = {0, 1, 2, 9, 640, 641, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffffe, ~0u};
  for (std::uint64_t i = 0; i < 300; ++i) {
    divisors.push_back(static_cast<std::uint32_t>(mix64(i) >> (32 + i % 32)) | 1);
    numbers.push_back(static_cast<std::uint32_t>(mix64(1000 + i) >> (32 + i % 32)));
  }
  bool remainders = true, quotients = true;
  for (const std::uint32_t d : divisors) {
    const Division division(d);
    Ids near = numbers;  // and the numbers around multiples of d, where rounding would show
    for (std::uint32_t k = 1; k <= 3; ++k) {
      const std::uint32_t multiple = ~0u / d / k * d;
      near.insert(near.end(), {multiple, multiple - 1, multiple + 1});
    }
    for (const std::uint32_t a : near) {
      remainders = remainders && division.remainder(a) == a % d;
      quotients = quotients && division.quotient(a) == a / d;
    }
  }
  check(remainders, "remainders");
  check(quotients, "quotients");
}

constexpr std::uint64_t kCardinalities[] = {1, 2, 31, 64, 1000, 65537, 1u << 31, kMostRows};

void computed_kinds() {
  __extension__ using Wide = unsigned __int128;
  for (const std::uint64_t cardinality : kCardinalities) {
    for (const std::uint64_t rows : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{256},
                                     std::uint64_t{1000}, std::uint64_t{1} << 31, kMostRows - 1, kMostRows}) {
      const std::string size = std::to_string(cardinality) + " ids, " + std::to_string(rows) + " rows";
      const HashFunction modulo = ModuloHash(rows);
      compare(modulo, cardinality, "modulo " + size, [&](std::uint64_t id) { return id % rows; });
      for (const std::uint64_t seed : {std::uint64_t{0}, mix64(7), ~std::uint64_t{0}}) {
        compare(MixedHash(rows, seed), cardinality, "mixed " + size, [&](std::uint64_t id) {
          return static_cast<std::uint64_t>(static_cast<Wide>(mix64(id ^ seed)) * rows >> 64);
        });
      }
      for (const std::uint64_t divisor : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{7}, std::uint64_t{1000},
                                          kMostRows, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
        const std::string by = " by " + std::to_string(divisor) + ", " + size;
        compare(QuotientHash(rows, divisor), cardinality, "quotient" + by,
                [&](std::uint64_t id) { return id / divisor; });
        compare(MixedRadixHash(rows, divisor), cardinality, "mixed radix" + by,
                [&](std::uint64_t id) { return id / divisor % rows; });
      }
      check(modulo.mapping_bytes() == 0, "computed kinds need no mapping");
    }
    compare(IdentityHash(cardinality), cardinality, "identity", [](std::uint64_t id) { return id; });
  }
  // methods.md vectors of h(x; 7, 1000)
  check(mixed_row(12345, mix64(7), 1000) == 100 && mixed_row(1ull << 32, mix64(7), 1000) == 975,
        "published vectors of the mixing hash");
}

// Digits of a mixed radix, the quotient and remainder among them, name every id differently: exhaustively.
void complementary_partitions() {
  struct Case {
    std::uint64_t cardinality;
    std::vector<std::uint64_t> radices;
  };
  const std::vector<Case> cases = {{100'000, {317, 316}},
                                   {100'000, {4, 25'000}},
                                   {99'991, {47, 46, 47}},
                                   {65'536, {2, 256, 128}},
                                   {1, {1, 1}},
                                   {7, {7, 1}},
                                   {8, {7, 2}},
                                   {50'000, {10, 10, 10, 50}}};
  for (const auto& [cardinality, radices] : cases) {
    Ids ids(cardinality);
    for (std::uint32_t id = 0; id < cardinality; ++id) ids[id] = id;
    std::vector<std::uint64_t> names(cardinality, 0);
    std::uint64_t divisor = 1;
    for (const std::uint64_t radix : radices) {
      const HashFunction digit = MixedRadixHash(radix, divisor);
      divisor *= radix;
      Ids rows(cardinality);
      digit.rows_of(ids.data(), cardinality, rows.data());
      bool below = true;
      for (std::size_t id = 0; id < cardinality; ++id) {
        below = below && rows[id] < radix;
        names[id] = names[id] * radix + rows[id];
      }
      check(below, "a digit is below its radix");
    }
    std::sort(names.begin(), names.end());
    check(std::adjacent_find(names.begin(), names.end()) == names.end(),
          "every id has its own digits, " + std::to_string(cardinality) + " ids");
  }
}

void tables() {
  for (const std::uint64_t cardinality : {1, 2, 7, 8, 9, 33, 1000, 4097}) {
    for (unsigned bits = 1; bits <= 32; ++bits) {
      for (const bool prunes : {false, true}) {
        const std::uint64_t codes = std::uint64_t{1} << bits, rows = prunes ? codes - 1 : std::min(codes, kMostRows);
        Ids entries = random_ids(prunes ? codes : rows, cardinality, bits);
        entries[cardinality / 2] = static_cast<std::uint32_t>(prunes ? rows : rows - 1);
        const auto packed = testing::packed_entries(entries, bits);
        const HashFunction hash = TableHash::make(rows, bits, packed.data(), packed.size(), cardinality, "a test");
        const std::string what = std::to_string(bits) + " bits, " + std::to_string(cardinality) + " ids";
        compare(hash, cardinality, what,
                [&](std::uint64_t id) { return prunes && entries[id] == rows ? std::uint64_t{kPruned} : entries[id]; });
        check(hash.kind.as<TableHash>().prunes() == prunes, what + ": knows whether it prunes");
        check(hash.mapping_bytes() == (cardinality * bits + 7) / 8, what + ": counted to the byte");
      }
    }
  }
  // Large enough for the prefetching loop.
  const std::uint64_t cardinality = 3'000'000;
  for (const unsigned bits : {8u, 11u, 16u, 24u, 32u}) {
    const std::uint64_t rows = std::min((std::uint64_t{1} << bits) - 1, kMostRows - 1);
    const Ids entries = random_ids(rows + 1, cardinality, 5);
    const auto packed = testing::packed_entries(entries, bits);
    compare(TableHash::make(rows, bits, packed.data(), packed.size(), cardinality, "a test"), cardinality,
            std::to_string(bits) + " bits, many ids",
            [&](std::uint64_t id) { return entries[id] == rows ? kPruned : entries[id]; });
  }
}

void hot_ids() {
  for (const std::uint64_t cardinality : {1, 31, 32, 33, 63, 64, 65, 447, 448, 449, 895, 896, 897, 30'000, 5'000'000}) {
    for (const unsigned share : {0u, 16u, 128u, 255u, 256u}) {
      Ids bitmap((cardinality + 31) / 32), rank(cardinality + 1);
      for (std::uint64_t id = 0; id < cardinality; ++id) {
        const bool owns = (mix64(id) & 0xff) < share;
        if (owns) bitmap[id / 32] |= 1u << id % 32;
        rank[id + 1] = rank[id] + (owns ? 1 : 0);
      }
      const std::uint64_t hot = rank[cardinality], tail = hot == cardinality ? 0 : 1 + cardinality / 3;
      for (const bool mixed : {false, true}) {
        const HashFunction hash = HotHash::make(hot + tail, bitmap.data(), bitmap.size(),
                                                mixed ? HotTail::kMixed : HotTail::kModulo, 5, cardinality, "a test");
        const std::string what = std::to_string(hot) + " of " + std::to_string(cardinality) + " ids hot";
        compare(hash, cardinality, what, [&](std::uint64_t id) -> std::uint64_t {
          if (rank[id + 1] > rank[id]) return rank[id];
          return hot + (mixed ? high64(mix64(id ^ mix64(5)), tail) : id % tail);
        });
        check(hash.mapping_bytes() == (cardinality + 447) / 448 * 64, what + ": counted to the byte");
      }
    }
  }
}

void refused() {
  const std::vector<std::uint8_t> entries = {1, 2, 3, 4};
  const auto table = [&](std::uint64_t rows, unsigned bits, std::size_t bytes, std::uint64_t cardinality) {
    return error_of([&] { TableHash::make(rows, bits, entries.data(), bytes, cardinality, "the mapping of \"x\""); });
  };
  check(table(4, 8, 4, 4) == "nothing thrown", "an entry `rows` is a pruned id");
  check(table(3, 8, 4, 4) ==
            "INVALID_ARGUMENT Expected entries up to 3 (rows, which stands for pruned) for the mapping "
            "of \"x\", received 4 for id 3",
        "an entry above rows");
  for (const unsigned bits : {0u, 33u, 6u, 9u}) {
    check(table(9, bits, 4, 4)
                  .find("INVALID_ARGUMENT Expected 4 packed entries for the mapping of \"x\", received 4 "
                        "bytes of " +
                        std::to_string(bits) + " bits") == 0,
          "entries of " + std::to_string(bits) + " bits");
  }
  check(table(0, 8, 4, 4).find("INVALID_ARGUMENT Expected 1 to 4294967295 rows") == 0, "no rows");
  check(table(1ull << 32, 8, 4, 4).find("INVALID_ARGUMENT Expected 1 to 4294967295 rows") == 0, "2^32 rows");

  const auto hot = [](std::uint64_t rows, const Ids& bitmap, std::uint64_t cardinality) {
    return error_of([&] { HotHash::make(rows, bitmap.data(), bitmap.size(), HotTail::kModulo, 1, cardinality, "x"); });
  };
  check(hot(3, {7}, 3) == "nothing thrown", "a row for every id");
  check(hot(3, {7}, 4).find("INVALID_ARGUMENT Expected fewer hot ids than rows (3)") == 0, "no row for the others");
  check(hot(9, {7, 0}, 32).find("INVALID_ARGUMENT Expected a bitmap of 1 words") == 0, "a bitmap too long");
  check(hot(9, {16}, 4).find("INVALID_ARGUMENT Expected hot ids below 4") == 0, "a hot id that is none");
}

}  // namespace

int main() {
  division();
  computed_kinds();
  complementary_partitions();
  tables();
  hot_ids();
  refused();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
