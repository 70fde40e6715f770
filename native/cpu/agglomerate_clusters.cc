#include "cpu/agglomerate_clusters.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace collide {

namespace {

unsigned __int128 square(double count) {
  const auto whole = static_cast<std::uint64_t>(count);
  return static_cast<unsigned __int128>(whole) * whole;
}

}  // namespace

Clusters::Clusters(std::vector<double> values, std::vector<double> counts)
    : values_(std::move(values)),
      counts_(std::move(counts)),
      sizes_(values_.size(), 1),
      alive_(values_.size() / 64 + 1, ~std::uint64_t{0}),
      live_(values_.size()) {
  alive_.back() = (std::uint64_t{1} << (live_ % 64)) - 1;
  for (const double count : counts_) squares_ += square(count);
}

double Clusters::norm() const {
  return std::sqrt(static_cast<double>(squares_));
}

double Clusters::score(FilterBy by, std::uint32_t left, std::uint32_t right, double norm) const {
  switch (by) {
    case FilterBy::kFrequency: {
      if (norm == 0) return 0;
      // (count_i / L + 1) * (count_j / L + 1) without the 1 that it would round off: the same order, more distinct
      // scores.
      const double a = counts_[left] / norm, b = counts_[right] / norm;
      return (a + b) + a * b;
    }
    case FilterBy::kDistance:
      return values_[right] - values_[left];
    default:
      return static_cast<double>(sizes_[left]) + static_cast<double>(sizes_[right]);
  }
}

void Clusters::unite(const std::uint32_t* slots, std::size_t count, bool count_weighted) {
  double total = 0, weighted = 0, plain = 0;
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t slot = slots[i];
    total += counts_[slot];
    weighted += counts_[slot] * values_[slot];
    plain += values_[slot];
    size += sizes_[slot];
    squares_ -= square(counts_[slot]);
  }
  squares_ += square(total);
  const double mean = count_weighted && total > 0 ? weighted / total : plain / static_cast<double>(count);
  // The mean lies in [least, most] but for rounding; held there, the clusters stay in order. An overflow of the sums
  // (infinite, or NaN) ends at a bound too.
  const std::uint32_t first = slots[0];
  const double least = values_[first], most = values_[slots[count - 1]];
  values_[first] = !(mean > least) ? least : (mean < most ? mean : most);
  counts_[first] = total;
  sizes_[first] = size;
  for (std::size_t i = 1; i < count; ++i) alive_[slots[i] / 64] &= ~(std::uint64_t{1} << (slots[i] % 64));
  live_ -= count - 1;
}

void Clusters::squeeze() {
  std::size_t to = 0;
  for (std::size_t word = 0; word < alive_.size(); ++word) {
    for (std::uint64_t bits = alive_[word]; bits != 0; bits &= bits - 1, ++to) {
      const std::size_t from = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      values_[to] = values_[from], counts_[to] = counts_[from], sizes_[to] = sizes_[from];
    }
  }
  values_.resize(to), counts_.resize(to), sizes_.resize(to);
  alive_.assign(to / 64 + 1, ~std::uint64_t{0});
  alive_.back() = (std::uint64_t{1} << (to % 64)) - 1;
}

void Clusters::take(Clustering& out) {
  squeeze();
  out.values = std::move(values_);
  out.counts = std::move(counts_);
  out.sizes = std::move(sizes_);
  out.values.shrink_to_fit(), out.counts.shrink_to_fit(), out.sizes.shrink_to_fit();
}

}  // namespace collide
