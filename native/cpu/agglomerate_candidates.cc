#include "cpu/agglomerate_candidates.h"

#include <algorithm>

namespace collide {

void Candidates::pair_up(const Clusters& clusters) {
  for (Candidate& pair : list_) pair.right = clusters.next(pair.left);
}

void Candidates::keep_smallest(const Clusters& clusters, FilterBy by, double norm, std::size_t m) {
  if (m >= size()) return;
  for (Candidate& pair : list_) pair.key = clusters.score(by, pair.left, pair.right, norm);
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.key < b.key || (a.key == b.key && a.left < b.left);
  };
  std::nth_element(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(m), list_.end(), before);
  list_.resize(m);
}

bool Candidates::drop_larger(const Clusters& clusters, std::uint64_t max_size) {
  if (max_size == 0) return true;
  const auto larger = [&](const Candidate& pair) {
    return std::uint64_t{clusters.ids(pair.left)} + clusters.ids(pair.right) > max_size;
  };
  if (std::all_of(list_.begin(), list_.end(), larger)) return false;
  std::erase_if(list_, larger);
  return true;
}

void Candidates::mark(std::vector<std::uint64_t>& chosen) const {
  for (const Candidate& pair : list_) chosen[pair.left / 64] |= std::uint64_t{1} << (pair.left % 64);
}

}  // namespace collide
