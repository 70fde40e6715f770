#include "cpu/clustering/agglomerate_clusters.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace collide {

namespace {

// A bit for each of `slots`, none beyond.
std::vector<std::uint64_t> all_alive(std::size_t slots) {
  std::vector<std::uint64_t> bits(slots / 64 + 1, ~std::uint64_t{0});
  bits.back() = (std::uint64_t{1} << (slots % 64)) - 1;
  return bits;
}

}  // namespace

Clusters::Clusters(Memory clusters, std::size_t n)
    : memory_(std::move(clusters)), clusters_(memory_.as<Cluster>()), slots_(n), alive_(all_alive(n)), live_(n) {
  for (std::size_t slot = 0; slot < n; ++slot) squares_ += square(clusters_[slot].count);
}

double Clusters::norm() const {
  return std::sqrt(static_cast<double>(squares_));
}

double Clusters::largest_score(FilterBy by) const {
  switch (by) {
    case FilterBy::kFrequency:
      return 3;
    case FilterBy::kDistance:
      return clusters_[previous(slots_, all())].value - clusters_[0].value;
    default:
      return 0x1p33;
  }
}

void Clusters::unite(const std::uint32_t* slots, std::size_t count, bool count_weighted, Tally& tally) {
  for (std::size_t i = 0; i < count; ++i) tally.squares -= square(clusters_[slots[i]].count);
  const Cluster merged =
      union_of(count, count_weighted, [&](std::size_t i) -> const Cluster& { return clusters_[slots[i]]; });
  tally.squares += square(merged.count);
  clusters_[slots[0]] = merged;
  for (std::size_t i = 1; i < count; ++i) alive_[slots[i] / 64] &= ~(std::uint64_t{1} << (slots[i] % 64));
  tally.gone += count - 1;
}

void Clusters::settle(const Tally& tally) {
  squares_ += tally.squares;
  live_ -= tally.gone;
}

void Clusters::squeezed() {
  slots_ = live_;
  alive_ = all_alive(slots_);
}

void Clusters::take(Clustering& out) {
  compact();
  squeezed();
  out.values.reserve(slots_), out.counts.reserve(slots_), out.sizes.reserve(slots_);
  for (std::size_t slot = 0; slot < slots_; ++slot) {
    const Cluster& cluster = clusters_[slot];
    out.values.push_back(cluster.value);
    out.counts.push_back(cluster.count);
    out.sizes.push_back(cluster.ids);
  }
}

}  // namespace collide
