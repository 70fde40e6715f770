#include "cpu/agglomerate_candidates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace collide {

namespace {

constexpr std::size_t kFew = 256;  // so few are compared one with another
constexpr int kShift = 46;         // leaves 6 bits of a key's fraction: 64 buckets to the octave, below the largest key
constexpr std::int64_t kBuckets = 4096;

void resize_to_smallest(std::vector<Candidate>& list, std::size_t m) {
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.key < b.key || (a.key == b.key && a.left < b.left);
  };
  if (m < list.size())
    std::nth_element(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(m), list.end(), before);
  list.resize(m);
}

}  // namespace

void Candidates::take(std::vector<Candidate>&& list, FilterBy by) {
  list_ = std::move(list);
  keyed_by_ = by;
}

std::vector<Candidate> Candidates::give() {
  list_.clear();
  return std::move(list_);
}

void Candidates::keep_smallest(const Clusters& clusters, FilterBy by, double norm, std::size_t m) {
  if (m >= size()) return;
  if (keyed_by_ != by) {
    for (Candidate& pair : list_) pair.key = clusters.score(by, pair.left, pair.right, norm);
    keyed_by_ = by;
  }
  if (size() <= kFew) return resize_to_smallest(list_, m);

  // Counts by the keys' highest bits, which ascend with them, say in which bucket the m-th smallest is; only those of
  // that bucket are compared.
  double most = 0;
  for (const Candidate& pair : list_) most = std::max(most, pair.key);
  const auto code_of = [](double key) {
    return static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(key) >> kShift);
  };
  const std::int64_t base = code_of(most) - (kBuckets - 1);
  const auto bucket_of = [&](const Candidate& pair) {
    return static_cast<std::size_t>(std::max<std::int64_t>(code_of(pair.key) - base, 0));
  };
  std::array<std::uint32_t, kBuckets> counts{};
  for (const Candidate& pair : list_) ++counts[bucket_of(pair)];
  std::size_t border = 0, below = 0;
  while (below + counts[border] < m) below += counts[border++];

  border_.clear();
  std::size_t to = 0;
  for (const Candidate& pair : list_) {
    const std::size_t bucket = bucket_of(pair);
    if (bucket == border) border_.push_back(pair);
    list_[to] = pair;
    to += bucket < border ? 1 : 0;
  }
  list_.resize(below);
  resize_to_smallest(border_, m - below);
  list_.insert(list_.end(), border_.begin(), border_.end());
}

bool Candidates::drop_larger(const Clusters& clusters, std::uint64_t max_size) {
  if (max_size == 0) return true;
  const auto larger = [&](const Candidate& pair) {
    return std::uint64_t{clusters[pair.left].ids} + clusters[pair.right].ids > max_size;
  };
  if (std::all_of(list_.begin(), list_.end(), larger)) return false;
  std::erase_if(list_, larger);
  return true;
}

void Candidates::mark(std::vector<std::uint64_t>& chosen) const {
  for (const Candidate& pair : list_) chosen[pair.left / 64] |= std::uint64_t{1} << (pair.left % 64);
}

}  // namespace collide
