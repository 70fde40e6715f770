#include "cpu/clustering/agglomerate_candidates.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr int kShift = 48;  // leaves 4 bits of a key's fraction: 16 buckets to the octave, 64 octaves below the largest
constexpr std::int64_t kBuckets = 1024;

bool before(const Candidate& a, const Candidate& b) {
  // No branches: which of two comes first cannot be predicted.
  return (a.key < b.key) | ((a.key == b.key) & (a.left < b.left));
}

std::int64_t code_of(double key) {
  return static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(key) >> kShift);
}

}  // namespace

void Candidates::for_parts(const std::function<void(std::size_t part)>& body) {
  parallel_for(parts_.size(), static_cast<unsigned>(parts_.size()), body);
}

void Candidates::list(FilterBy by, std::vector<SlotRange> parts,
                      const std::function<void(std::size_t part, std::vector<Candidate>& list)>& fill) {
  parts_ = std::move(parts);
  lists_.resize(std::max(lists_.size(), parts_.size()));
  counts_.resize(lists_.size());
  keyed_by_ = by;
  for_parts([&](std::size_t part) {
    std::vector<Candidate> list = std::move(lists_[part]);  // its end moves with every pair: not beside other parts'
    list.clear();
    fill(part, list);
    lists_[part] = std::move(list);
  });
}

std::size_t Candidates::size() const {
  std::size_t sum = 0;
  for (std::size_t part = 0; part < parts_.size(); ++part) sum += lists_[part].size();
  return sum;
}

void Candidates::keep_smallest(const Clusters& clusters, FilterBy by, double norm, std::size_t m) {
  if (m >= size()) return;
  const bool rescore = keyed_by_ != by;
  keyed_by_ = by;

  // Counts by the keys' highest bits, which ascend with them, say in which bucket the m-th smallest is; only those of
  // that bucket are compared.
  const std::int64_t base = code_of(clusters.largest_score(by)) - (kBuckets - 1);
  const auto bucket_of = [&](const Candidate& pair) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(code_of(pair.key) - base, 0, kBuckets - 1));
  };
  for_parts([&](std::size_t part) {
    std::vector<std::uint32_t>& counts = counts_[part];
    counts.assign(kBuckets, 0);
    for (Candidate& pair : lists_[part]) {
      if (rescore) pair.key = clusters.score(by, pair.left, pair.right, norm);
      ++counts[bucket_of(pair)];
    }
  });
  std::size_t border = 0, below = 0;
  for (std::size_t count = 0;; ++border, below += count) {
    count = 0;
    for (std::size_t part = 0; part < parts_.size(); ++part) count += counts_[part][border];
    if (below + count >= m) break;
  }

  std::vector<std::vector<Candidate>> borders(parts_.size());
  for_parts([&](std::size_t part) {
    std::vector<Candidate> own;
    for (const Candidate& pair : lists_[part]) {
      if (bucket_of(pair) == border) own.push_back(pair);
    }
    borders[part] = std::move(own);
  });
  for (std::size_t part = 1; part < borders.size(); ++part) {
    borders[0].insert(borders[0].end(), borders[part].begin(), borders[part].end());
  }
  const auto last = borders[0].begin() + static_cast<std::ptrdiff_t>(m - below) - 1;
  std::nth_element(borders[0].begin(), last, borders[0].end(), before);
  for_parts([&, most = *last](std::size_t part) {
    std::vector<Candidate>& list = lists_[part];
    std::size_t to = 0;
    for (const Candidate pair : list) {
      list[to] = pair;
      to += before(most, pair) ? 0 : 1;
    }
    list.resize(to);
  });
}

bool Candidates::drop_larger(const Clusters& clusters, std::uint64_t max_size) {
  if (max_size == 0) return true;
  const auto larger = [&](const Candidate& pair) {
    return std::uint64_t{clusters[pair.left].ids} + clusters[pair.right].ids > max_size;
  };
  bool all = true;
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    all = all && std::all_of(lists_[part].begin(), lists_[part].end(), larger);
  }
  if (all) return false;
  for_parts([&](std::size_t part) { std::erase_if(lists_[part], larger); });
  return true;
}

}  // namespace collide
