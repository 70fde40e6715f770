#include "cpu/agglomerate_clusters.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "core/multiversion.h"

namespace collide {

namespace {

unsigned __int128 square(double count) {
  const auto whole = static_cast<std::uint64_t>(count);
  return static_cast<unsigned __int128>(whole) * whole;
}

// (count_i / L + 1) * (count_j / L + 1) without the 1 that it would round off: the same order, more distinct scores.
COLLIDE_INLINE double frequency_score(double a, double b) {
  return (a + b) + a * b;
}

COLLIDE_MULTIVERSION void frequency_scores(const double* counts, double norm, std::size_t pairs, double* out) {
  double share[Clusters::kBlock + 1];
  for (std::size_t i = 0; i <= pairs; ++i) share[i] = counts[i] / norm;
  for (std::size_t i = 0; i < pairs; ++i) out[i] = frequency_score(share[i], share[i + 1]);
}

COLLIDE_MULTIVERSION void distance_scores(const double* values, std::size_t pairs, double* out) {
  for (std::size_t i = 0; i < pairs; ++i) out[i] = values[i + 1] - values[i];
}

COLLIDE_MULTIVERSION void size_scores(const std::uint32_t* sizes, std::size_t pairs, double* out) {
  for (std::size_t i = 0; i < pairs; ++i) out[i] = static_cast<double>(sizes[i]) + static_cast<double>(sizes[i + 1]);
}

// First position >= from whose bit equals `set`, or `end`.
std::size_t next_bit(const std::vector<std::uint64_t>& bits, std::size_t from, std::size_t end, bool set) {
  for (std::size_t word = from / 64; word * 64 < end; ++word) {
    std::uint64_t candidates = set ? bits[word] : ~bits[word];
    if (word == from / 64) candidates &= ~std::uint64_t{0} << (from % 64);
    if (candidates != 0) return std::min(end, word * 64 + static_cast<std::size_t>(std::countr_zero(candidates)));
  }
  return end;
}

}  // namespace

Clusters::Clusters(std::vector<double> values, std::vector<double> counts)
    : values_(std::move(values)), counts_(std::move(counts)), sizes_(values_.size(), 1) {
  for (const double count : counts_) squares_ += square(count);
}

void Clusters::begin_round() {
  norm_ = std::sqrt(static_cast<double>(squares_));
}

double Clusters::score(FilterBy by, std::uint32_t left) const {
  switch (by) {
    case FilterBy::kFrequency:
      return norm_ == 0 ? 0 : frequency_score(counts_[left] / norm_, counts_[left + 1] / norm_);
    case FilterBy::kDistance:
      return values_[left + 1] - values_[left];
    default:
      return static_cast<double>(sizes_[left]) + static_cast<double>(sizes_[left + 1]);
  }
}

void Clusters::scores(FilterBy by, std::size_t first, std::size_t count, double* out) const {
  switch (by) {
    case FilterBy::kFrequency:
      if (norm_ == 0) {
        std::fill_n(out, count, 0.0);
      } else {
        frequency_scores(&counts_[first], norm_, count, out);
      }
      return;
    case FilterBy::kDistance:
      return distance_scores(&values_[first], count, out);
    default:
      return size_scores(&sizes_[first], count, out);
  }
}

void Clusters::merge_chain(std::size_t first, std::size_t last, std::size_t to, bool count_weighted) {
  double total = 0, weighted = 0, plain = 0;
  std::uint32_t size = 0;
  for (std::size_t i = first; i <= last; ++i) {
    total += counts_[i];
    weighted += counts_[i] * values_[i];
    plain += values_[i];
    size += sizes_[i];
    squares_ -= square(counts_[i]);
  }
  squares_ += square(total);
  const double mean = count_weighted && total > 0 ? weighted / total : plain / static_cast<double>(last - first + 1);
  // The mean lies in [least, most] but for rounding; held there, the clusters stay in order. An overflow of the sums
  // (infinite, or NaN) ends at a bound too.
  const double least = values_[first], most = values_[last];
  values_[to] = !(mean > least) ? least : (mean < most ? mean : most);
  counts_[to] = total;
  sizes_[to] = size;
}

void Clusters::move(std::size_t first, std::size_t end, std::size_t to) {
  if (first == to) return;
  const auto shift = [&](auto& array) { std::copy(array.begin() + first, array.begin() + end, array.begin() + to); };
  shift(values_), shift(counts_), shift(sizes_);
}

bool Clusters::merge(const std::vector<std::uint64_t>& chosen, std::uint64_t max_size, bool count_weighted) {
  const std::size_t n = size();
  bool split = false;
  std::size_t from = 0, to = 0;  // clusters [0, from) are merged and stand in [0, to)
  for (;;) {
    const std::size_t first = next_bit(chosen, from, n, true);
    move(from, first, to);
    to += first - from;
    if (first == n) break;
    const std::size_t last = next_bit(chosen, first, n, false);  // the pair last - 1 is the chain's rightmost
    std::uint64_t ids = 0;
    if (max_size > 0) {
      for (std::size_t i = first; i <= last; ++i) ids += sizes_[i];
    }
    if (ids > max_size) {
      split = true;
      for (from = first; from + 1 <= last; from += 2) merge_chain(from, from + 1, to++, count_weighted);
      // An odd cluster is left where `from` points: it moves with the clusters after the chain.
    } else {
      merge_chain(first, last, to++, count_weighted);
      from = last + 1;
    }
  }
  values_.resize(to), counts_.resize(to), sizes_.resize(to);
  return split;
}

void Clusters::take(Clustering& out) {
  out.values = std::move(values_);
  out.counts = std::move(counts_);
  out.sizes = std::move(sizes_);
  out.values.shrink_to_fit(), out.counts.shrink_to_fit(), out.sizes.shrink_to_fit();
}

}  // namespace collide
