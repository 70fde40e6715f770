// usage: hash_bench [IDS ...]   prints Markdown: nanoseconds per id of HashFunction::rows_of, one thread, median of
// nine interleaved rounds over 2 million ids in windows of 1,024, for tables of IDS entries (default 10K, 1M, 10M and
// 50M).
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/hashing/hash_function.h"
#include "workload.h"

namespace {

using namespace collide;

constexpr std::size_t kIds = 2'000'000, kWindow = 1024, kRounds = 9;

struct Case {
  std::string name;
  HashFunction hash;
};

// Entries by chance; a table of 16 bits can leave every 256th id without a row.
HashFunction table(unsigned bits, bool prunes, std::uint64_t ids) {
  std::vector<std::uint8_t> packed((ids * bits + 7) / 8);
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = static_cast<std::uint8_t>(mix64(i));
  for (std::size_t id = 0; prunes && id < ids; id += 256) packed[2 * id] = packed[2 * id + 1] = 0xff;
  const std::uint64_t codes = std::uint64_t{1} << bits;
  return TableHash::make(std::min(prunes ? codes - 1 : codes, kMostRows), bits, packed.data(), packed.size(), ids,
                         "the benchmark");
}

// Half of the rows, a twentieth of the ids, are owned: by the ids that the batches hit most.
HashFunction hot(bool mixed, std::uint64_t ids, const std::vector<std::uint32_t>& hits) {
  std::vector<std::uint32_t> counts(ids), bitmap((ids + 31) / 32), owners;
  for (const std::uint32_t id : hits) {
    if (counts[id]++ == 0) owners.push_back(id);
  }
  const std::size_t most = std::min<std::size_t>(ids / 20, owners.size());
  std::nth_element(owners.begin(), owners.begin() + static_cast<std::ptrdiff_t>(most), owners.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return counts[a] > counts[b]; });
  for (std::size_t k = 0; k < most; ++k) bitmap[owners[k] / 32] |= 1u << owners[k] % 32;
  return HotHash::make(ids / 10, bitmap.data(), bitmap.size(), mixed ? HotTail::kMixed : HotTail::kModulo, 5, ids,
                       "the benchmark");
}

double nanoseconds_per_id(const HashFunction& hash, const std::vector<std::uint32_t>& ids) {
  static std::array<std::uint32_t, kWindow> rows;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < ids.size(); i += kWindow) {
    hash.rows_of(ids.data() + i, std::min(kWindow, ids.size() - i), rows.data());
  }
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() /
         static_cast<double>(ids.size());
}

void measure(std::uint64_t height, bool uniform) {
  bench::Shape shape;
  shape.tables = shape.pooling = shape.batches = 1;
  shape.batch = kIds;
  shape.least = shape.most = height;
  shape.exponent = uniform ? 0 : 1.05;
  const std::vector<std::uint32_t> ids = bench::Workload(shape).ids[0];

  std::vector<Case> cases;
  cases.push_back({"modulo", ModuloHash(height / 10)});
  cases.push_back({"mixed", MixedHash(height / 10, mix64(3))});
  cases.push_back({"quotient", QuotientHash(height / 10 + 1, 10)});
  cases.push_back({"mixed radix", MixedRadixHash(1003, 10)});
  for (const unsigned bits : {8u, 16u, 24u, 32u, 11u, 20u, 27u}) {
    cases.push_back({"table, " + std::to_string(bits) + " bits", table(bits, false, height)});
  }
  cases.push_back({"table, 16 bits, pruned", table(16, true, height)});
  cases.push_back({"hot, mixed tail", hot(true, height, ids)});
  cases.push_back({"hot, modulo tail", hot(false, height, ids)});

  std::vector<std::vector<double>> times(cases.size());
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (std::size_t c = 0; c < cases.size(); ++c) times[c].push_back(nanoseconds_per_id(cases[c].hash, ids));
  }
  static bool titled = false;
  if (!titled) {
    std::string titles = "| |", line = "|---|";
    for (const Case& one : cases) titles += " " + one.name + " |", line += "---|";
    std::printf("%s\n%s\n", titles.c_str(), line.c_str());
    titled = true;
  }
  std::printf("| %llu ids, %s |", static_cast<unsigned long long>(height), uniform ? "uniform" : "Zipf 1.05");
  for (auto& rounds : times) {
    std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
    std::printf(" %.2f |", rounds[kRounds / 2]);
  }
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::uint64_t> heights;
  for (int i = 1; i < count; ++i) heights.push_back(std::strtoull(arguments[i], nullptr, 10));
  if (heights.empty()) heights = {10'000, 1'000'000, 10'000'000, 50'000'000};
  for (const std::uint64_t height : heights) {
    for (const bool uniform : {false, true}) measure(height, uniform);
  }
}
