#include "cpu/agglomerate_candidates.h"

#include <algorithm>
#include <utility>

namespace collide {

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
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.key < b.key || (a.key == b.key && a.left < b.left);
  };
  std::nth_element(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(m), list_.end(), before);
  list_.resize(m);
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
