#include "cpu/clustering/equal_mass.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/clustering/access_counts.h"
#include "core/support/error.h"
#include "cpu/clustering/key_sort.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kBlock = 1 << 15;  // places per task
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

void check_keys(const std::vector<double>& keys, std::size_t counts, std::uint64_t bins) {
  if (keys.empty() || keys.size() > std::numeric_limits<std::uint32_t>::max()) {
    fail("INVALID_ARGUMENT", "Expected 1 to 2^32 - 1 ids for keys, received ", keys.size());
  }
  if (keys.size() != counts) {
    fail("INVALID_ARGUMENT", "Expected counts of the same length as keys (", keys.size(), "), received length ",
         counts);
  }
  if (bins < 1) fail("INVALID_ARGUMENT", "Expected rows >= 1, received ", bins);
  const auto bad = std::find_if_not(keys.begin(), keys.end(), [](double key) { return std::isfinite(key); });
  if (bad != keys.end()) {
    fail("INVALID_ARGUMENT", "Expected finite numbers for keys, received ", *bad, " at index ", bad - keys.begin());
  }
}

}  // namespace

std::vector<double> bin_masses(const std::vector<double>& keys, std::vector<double> counts, std::uint64_t bins,
                               MassOf rule, unsigned threads) {
  check_keys(keys, counts.size(), bins);
  check_counts(counts.data(), counts.size());
  const bool weightless = std::all_of(counts.begin(), counts.end(), [](double count) { return count == 0; });
  masses_of(counts.data(), counts.size(), weightless ? MassOf::kOne : rule, 0, threads, counts.data());
  return counts;
}

std::vector<std::uint32_t> equal_mass_bins(std::vector<double> keys, std::vector<double> counts, std::uint64_t bins,
                                           MassOf rule, const LearnerControl& control) {
  const std::vector<double> masses = bin_masses(keys, std::move(counts), bins, rule, control.threads);
  const std::size_t n = keys.size(), blocks = (n + kBlock - 1) / kBlock;
  const auto rows = static_cast<std::int64_t>(std::min<std::uint64_t>(bins, n));
  KeyedIds order(n);
  order.fill(keys, control.threads);
  keys = {};
  if (!order.sort(Ties::kByMix, control.threads, control.aborted)) return {};
  if (control.progress) control.progress(1, 2);

  const Memory spare = order.take_spare();
  auto* mass = spare.as<double>();  // [place]
  auto* bin = reinterpret_cast<std::uint32_t*>(mass + n);
  std::vector<double> before(blocks + 1, 0);  // mass before the block
  parallel_for(blocks, control.threads, [&](std::size_t block) {
    double sum = 0;
    for (std::size_t k = block * kBlock; k < std::min(n, (block + 1) * kBlock); ++k)
      sum += mass[k] = masses[order[k].id];
    before[block + 1] = sum;
  });
  for (std::size_t block = 0; block < blocks; ++block) before[block + 1] += before[block];
  const double total = before[blocks];

  // The least a_k - k up to each block, and the bins as they would be if no block before had any.
  std::vector<std::int64_t> least(blocks + 1, 0);
  parallel_for(blocks, control.threads, [&](std::size_t block) {
    double sum = before[block];
    std::int64_t smallest = kMost;
    for (std::size_t k = block * kBlock; k < std::min(n, (block + 1) * kBlock); ++k) {
      sum += mass[k];
      const double share = (sum - mass[k] / 2) / total;
      const auto plain = std::min(rows - 1, static_cast<std::int64_t>(share * static_cast<double>(rows)));
      const auto place = static_cast<std::int64_t>(k), needed = rows - (static_cast<std::int64_t>(n) - place);
      smallest = std::min(smallest, std::max(plain, needed) - place);
      bin[k] = static_cast<std::uint32_t>(place + smallest);
    }
    least[block + 1] = smallest;
  });
  for (std::size_t block = 0; block < blocks; ++block) least[block + 1] = std::min(least[block + 1], least[block]);

  std::vector<std::uint32_t> assignment(n);
  parallel_for(blocks, control.threads, [&](std::size_t block) {
    for (std::size_t k = block * kBlock; k < std::min(n, (block + 1) * kBlock); ++k) {
      const std::int64_t limit = static_cast<std::int64_t>(k) + least[block];
      assignment[order[k].id] = static_cast<std::uint32_t>(std::min<std::int64_t>(bin[k], limit));
    }
  });
  if (control.progress) control.progress(2, 2);
  return assignment;
}

}  // namespace collide
