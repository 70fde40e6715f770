#include "cpu/agglomerate_candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace collide {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kSample = 4096;

// A score that about `m` pairs, and rather more than fewer, do not exceed: read off an evenly spaced sample. Only speed
// depends on how good it is.
double estimate_threshold(const Clusters& clusters, FilterBy by, std::size_t pairs, std::size_t m) {
  if (pairs < 4 * kSample) return kInfinity;
  const double expected = static_cast<double>(m) / static_cast<double>(pairs) * kSample;
  const auto rank = static_cast<std::size_t>(expected + 4 * std::sqrt(expected) + 16);
  if (rank >= kSample) return kInfinity;
  std::vector<double> sample(kSample);
  for (std::size_t i = 0; i < kSample; ++i) {
    sample[i] = clusters.score(by, static_cast<std::uint32_t>(i * (pairs - 1) / (kSample - 1)));
  }
  std::nth_element(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(rank), sample.end());
  return sample[rank];
}

}  // namespace

// gather() writes one slot past what it keeps, hence one slot more than pairs.
Candidates::Candidates(std::size_t clusters) : list_(std::make_unique_for_overwrite<Candidate[]>(clusters + 1)) {}

void Candidates::begin_round(const Clusters& clusters) {
  pairs_ = clusters.size() - 1;
  listed_ = 0;
  all_ = true;
}

void Candidates::gather(const Clusters& clusters, FilterBy by, double threshold, std::size_t ties) {
  double keys[Clusters::kBlock];
  listed_ = 0;
  std::size_t tied = 0;
  for (std::size_t first = 0; first < pairs_; first += Clusters::kBlock) {
    const std::size_t count = std::min(Clusters::kBlock, pairs_ - first);
    clusters.scores(by, first, count, keys);
    for (std::size_t i = 0; i < count; ++i) {
      // Without branches: whether a pair is kept cannot be predicted.
      const bool tie = (keys[i] == threshold) & (tied < ties);
      list_[listed_] = {keys[i], static_cast<std::uint32_t>(first + i)};
      listed_ += static_cast<std::size_t>((keys[i] < threshold) | tie);
      tied += static_cast<std::size_t>(tie);
    }
  }
  all_ = false;
}

void Candidates::keep_smallest(const Clusters& clusters, FilterBy by, std::size_t m) {
  if (m >= size()) return;
  if (all_) {
    // Of the pairs that equal the threshold only the first m can be among the m smallest: ties go by position.
    gather(clusters, by, estimate_threshold(clusters, by, pairs_, m), m);
    if (listed_ < m) gather(clusters, by, kInfinity, pairs_);
  } else {
    for (std::size_t i = 0; i < listed_; ++i) list_[i].key = clusters.score(by, list_[i].left);
  }
  if (m >= listed_) return;
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.key < b.key || (a.key == b.key && a.left < b.left);
  };
  std::nth_element(&list_[0], &list_[m], &list_[listed_], before);
  listed_ = m;
}

bool Candidates::drop_larger(const Clusters& clusters, std::uint64_t max_size) {
  if (max_size == 0) return true;
  const auto limit = static_cast<double>(max_size);
  if (all_) {
    gather(clusters, FilterBy::kSize, limit, pairs_);
    all_ = listed_ == 0;
    return listed_ > 0;
  }
  const auto fits = [&](const Candidate& pair) { return clusters.score(FilterBy::kSize, pair.left) <= limit; };
  if (std::none_of(&list_[0], &list_[listed_], fits)) return false;
  listed_ = static_cast<std::size_t>(
      std::remove_if(&list_[0], &list_[listed_], [&](const Candidate& pair) { return !fits(pair); }) - &list_[0]);
  return true;
}

void Candidates::mark(std::vector<std::uint64_t>& chosen) const {
  const std::size_t words = (pairs_ + 64) / 64;  // one bit more than pairs: it ends the last chain
  chosen.assign(words, 0);
  if (all_) {
    for (std::size_t left = 0; left < pairs_; ++left) chosen[left / 64] |= std::uint64_t{1} << (left % 64);
  } else {
    for (std::size_t i = 0; i < listed_; ++i) {
      chosen[list_[i].left / 64] |= std::uint64_t{1} << (list_[i].left % 64);
    }
  }
}

}  // namespace collide
