// CUB's sort, scan, select, reduce and run-length encoding on random inputs, against the standard library: several
// blocks with look-back between them, sizes at and around the tiles.
#include <algorithm>
#include <cstdint>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_run_length_encode.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
#include <map>
#include <numeric>

#include "check.h"

namespace {

using namespace collide::testing;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

// Calls body(temporary, bytes) twice, as CUB wants it.
template <typename Body>
void with_temporary(const char* what, Body body) {
  std::size_t bytes = 0;
  need(body(nullptr, bytes), what);
  OnDevice<char> temporary(std::max<std::size_t>(bytes, 1));
  need(body(temporary.data(), bytes), what);
  need(cudaDeviceSynchronize(), what);
}

std::vector<uint32_t> random_keys(Random& random, int n, unsigned distinct) {
  std::vector<uint32_t> keys(static_cast<std::size_t>(n));
  for (uint32_t& key : keys) key = random.below(distinct) * 2654435761u;
  return keys;
}

void test_sort(Random& random, int n, unsigned distinct) {
  const std::vector<uint32_t> keys = random_keys(random, n, distinct);
  std::vector<uint32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0u);
  OnDevice<uint32_t> in(keys), out(keys.size()), values(order), sorted(keys.size());
  with_temporary("radix sort of pairs", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(temporary, bytes, in.data(), out.data(), values.data(), sorted.data(), n);
  });
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
  check(sorted.host() == order, "stable radix sort of " + std::to_string(n));

  std::vector<uint64_t> wide(keys.size());
  for (uint64_t& key : wide) key = random.bits();
  OnDevice<uint64_t> wide_in(wide), wide_out(wide.size());
  with_temporary("radix sort of 64-bit keys", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortKeys(temporary, bytes, wide_in.data(), wide_out.data(), n);
  });
  std::sort(wide.begin(), wide.end());
  check(wide_out.host() == wide, "radix sort of 64-bit keys, " + std::to_string(n));
}

void test_scan(Random& random, int n) {
  const std::vector<uint32_t> values = random_keys(random, n, 1000);
  OnDevice<uint32_t> in(values), out(values.size());
  with_temporary("scan", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(temporary, bytes, in.data(), out.data(), n);
  });
  std::vector<uint32_t> expected(values.size());
  std::exclusive_scan(values.begin(), values.end(), expected.begin(), 0u);
  check(out.host() == expected, "exclusive sums of " + std::to_string(n));

  std::vector<uint64_t> wide(values.begin(), values.end()), wide_expected(values.size());
  OnDevice<uint64_t> wide_in(wide), wide_out(wide.size());
  with_temporary("scan of 64 bits", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceScan::InclusiveSum(temporary, bytes, wide_in.data(), wide_out.data(), n);
  });
  std::inclusive_scan(wide.begin(), wide.end(), wide_expected.begin());
  check(wide_out.host() == wide_expected, "64-bit sums of " + std::to_string(n));
}

void test_select(Random& random, int n) {
  const std::vector<uint32_t> values = random_keys(random, n, 7);
  std::vector<uint8_t> flags(values.size());
  for (uint8_t& flag : flags) flag = random.below(3) == 0;
  OnDevice<uint32_t> in(values), out(values.size());
  OnDevice<uint8_t> chosen(flags);
  OnDevice<int> count(1);
  with_temporary("select", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceSelect::Flagged(temporary, bytes, in.data(), chosen.data(), out.data(), count.data(), n);
  });
  std::vector<uint32_t> expected;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (flags[k] != 0) expected.push_back(values[k]);
  }
  check(count.host()[0] == static_cast<int>(expected.size()) && out.host(expected.size()) == expected,
        "flagged of " + std::to_string(n));
}

void test_reduce(Random& random, int n) {
  const std::vector<uint32_t> values = random_keys(random, n, 1u << 30);
  std::vector<double> doubles(values.begin(), values.end());
  OnDevice<uint32_t> in(values), sum(1);
  OnDevice<double> in_doubles(doubles), largest(1);
  with_temporary("sum", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceReduce::Sum(temporary, bytes, in.data(), sum.data(), n);
  });
  with_temporary("maximum", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceReduce::Max(temporary, bytes, in_doubles.data(), largest.data(), n);
  });
  check(sum.host()[0] == std::accumulate(values.begin(), values.end(), 0u), "sum of " + std::to_string(n));
  check(largest.host()[0] == *std::max_element(doubles.begin(), doubles.end()), "maximum of " + std::to_string(n));
}

void test_runs(Random& random, int n, unsigned distinct) {
  std::vector<uint32_t> keys = random_keys(random, n, distinct);
  std::sort(keys.begin(), keys.end());
  std::vector<float> values(keys.size());
  for (float& value : values) value = static_cast<float>(random.below(100));  // sums are exact
  OnDevice<uint32_t> in(keys), unique(keys.size()), lengths(keys.size());
  OnDevice<float> in_values(values), sums(keys.size());
  OnDevice<int> runs(1);
  std::map<uint32_t, std::pair<uint32_t, float>> expected;
  for (std::size_t k = 0; k < keys.size(); ++k) {
    ++expected[keys[k]].first;
    expected[keys[k]].second += values[k];
  }
  with_temporary("run lengths", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceRunLengthEncode::Encode(temporary, bytes, in.data(), unique.data(), lengths.data(), runs.data(),
                                              n);
  });
  const bool counted = runs.host()[0] == static_cast<int>(expected.size());
  check(counted, "number of runs of " + std::to_string(n));
  if (!counted) return;
  const auto found_keys = unique.host(expected.size()), found_lengths = lengths.host(expected.size());
  with_temporary("reduce by key", [&](void* temporary, std::size_t& bytes) {
    return cub::DeviceReduce::ReduceByKey(temporary, bytes, in.data(), unique.data(), in_values.data(), sums.data(),
                                          runs.data(), cuda::std::plus<>{}, n);
  });
  const auto found_sums = sums.host(expected.size());
  bool same = true;
  std::size_t k = 0;
  for (const auto& [key, run] : expected) {
    same &= found_keys[k] == key && found_lengths[k] == run.first && found_sums[k] == run.second;
    ++k;
  }
  check(same, "run lengths and sums by key of " + std::to_string(n));
}

}  // namespace

int main() {
  Random random(1);
  for (const int n : {1, 31, 257, 5000, 40'000}) {
    test_sort(random, n, n < 1000 ? 10 : 1000);
    test_scan(random, n);
    test_select(random, n);
    test_reduce(random, n);
    test_runs(random, n, n < 1000 ? 3 : 500);
  }
  return summary();
}
