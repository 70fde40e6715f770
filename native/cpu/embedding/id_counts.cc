#include "cpu/embedding/id_counts.h"

#include <utility>

namespace collide {

namespace {

constexpr std::size_t kAhead = 96;  // ids a prefetch is ahead of the count's use

}  // namespace

IdCounts::IdCounts(std::uint64_t ids)
    : ids_(ids), recent_(ids, "access counts"), totals_(ids * sizeof(std::uint32_t), "access counts") {}

void IdCounts::count(const std::uint32_t* ids, std::size_t n) {
  auto* recent = recent_.as<std::uint8_t>();
  auto* totals = totals_.as<std::uint32_t>();
  const auto count = [=](std::uint32_t id) {
    const std::uint8_t before = recent[id];
    recent[id] = before + 1;
    if (before == 255) [[unlikely]]
      totals[id] = saturating_sum(totals[id], 256);
  };
  std::size_t i = 0;
  for (; i + kAhead + 4 <= n; i += 4) {
    // Read before any byte is written, which might be an id for all that the compiler knows.
    const std::uint32_t some[4] = {ids[i], ids[i + 1], ids[i + 2], ids[i + 3]};
    for (std::size_t k = 0; k < 4; ++k) __builtin_prefetch(recent + ids[i + kAhead + k], 1);
    for (const std::uint32_t id : some) count(id);
  }
  for (; i < n; ++i) count(ids[i]);
}

std::uint32_t* IdCounts::totals() {
  auto* recent = recent_.as<std::uint8_t>();
  auto* totals = totals_.as<std::uint32_t>();
  for (std::uint64_t id = 0; id < ids_; ++id) totals[id] = saturating_sum(totals[id], std::exchange(recent[id], 0));
  return totals;
}

void count_rows(const InternalTable& table, const std::uint32_t* ids, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    if (i + kAhead < n) __builtin_prefetch(&table.counter(ids[i + kAhead]), 1);
    table.count(ids[i], 1);
  }
}

}  // namespace collide
