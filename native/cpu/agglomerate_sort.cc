#include "cpu/agglomerate_sort.h"

#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <utility>

namespace collide {

namespace {

constexpr int kDigitBits = 11;
constexpr int kPasses = 6;  // 66 bits hold a key
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

struct Item {
  std::uint64_t key;
  std::uint32_t id;
};

// A bijection from doubles to integers that keeps their order. Adding 0 turns -0 into +0: they are equal values.
std::uint64_t key_of(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}
double value_of(std::uint64_t key) {
  return std::bit_cast<double>((key & kSign) != 0 ? key ^ kSign : ~key);
}

std::size_t digit(std::uint64_t key, int pass) {
  return (key >> (pass * kDigitBits)) & (kBuckets - 1);
}

}  // namespace

ValueOrder sort_by_value(const std::vector<double>& values, const std::function<bool()>& aborted) {
  const std::size_t n = values.size();
  auto items = std::make_unique_for_overwrite<Item[]>(n);
  auto spare = std::make_unique_for_overwrite<Item[]>(n);
  auto histograms = std::make_unique<std::array<std::array<std::size_t, kBuckets>, kPasses>>();
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t key = key_of(values[i]);
    items[i] = {key, static_cast<std::uint32_t>(i)};
    for (int pass = 0; pass < kPasses; ++pass) ++(*histograms)[pass][digit(key, pass)];
  }
  for (int pass = 0; pass < kPasses && n > 0; ++pass) {
    auto& starts = (*histograms)[pass];
    if (starts[digit(items[0].key, pass)] == n) continue;
    if (aborted && aborted()) return {};
    std::size_t start = 0;
    for (std::size_t& bucket : starts) start += std::exchange(bucket, start);
    for (std::size_t i = 0; i < n; ++i) spare[starts[digit(items[i].key, pass)]++] = items[i];
    std::swap(items, spare);
  }
  spare.reset();
  ValueOrder order;
  order.values.resize(n);
  order.ids.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    order.values[i] = value_of(items[i].key);
    order.ids[i] = items[i].id;
  }
  return order;
}

}  // namespace collide
