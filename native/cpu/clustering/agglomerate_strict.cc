#include "cpu/clustering/agglomerate_strict.h"

#include <algorithm>
#include <cmath>

namespace collide {

namespace {

struct Pair {
  double key;
  std::uint32_t wall;  // between the clusters wall - 1 and wall
};

bool before(const Pair& a, const Pair& b) {
  return a.key < b.key || (a.key == b.key && a.wall < b.wall);
}

class Round {
 public:
  Round(const std::vector<Cluster>& clusters, const AgglomerateOptions& options, const LearnerControl& control)
      : clusters_(clusters),
        options_(options),
        control_(control),
        count_(static_cast<std::uint32_t>(clusters.size())),
        at_(clusters.size() + 1),
        reach_(clusters.size() + 1),
        stands_(clusters.size() + 1, 1),
        is_cut_(clusters.size() + 1),
        next_(clusters.size() + 1),
        previous_(clusters.size() + 1) {
    next_[0] = count_;  // one row, whatever its size: the first packing replaces it
    unsigned __int128 squares = 0;
    for (std::uint32_t k = 0; k < count_; ++k) {
      at_[k + 1] = at_[k] + clusters[k].ids;
      squares += square(clusters[k].count);
    }
    norm_ = std::sqrt(static_cast<double>(squares));
    for (std::uint32_t wall = 0, far = 0; wall <= count_; ++wall) {
      while (far < count_ && at_[far + 1] - at_[wall] <= options.max_cluster_size) ++far;
      reach_[wall] = far;
    }
  }

  // The walls that fall, in the order of position.
  std::vector<std::uint32_t> fallen(std::uint64_t merges) {
    std::vector<Pair> pairs = open_pairs();
    for (const ClusterFilter& filter : options_.filters) {
      if (filter.by != FilterBy::kSize) keep(pairs, filter.by, pairs_to_keep(filter, merges, pairs.size()));
    }
    keep(pairs, final_ranking(options_.filters), std::min<std::size_t>(merges, pairs.size()));
    std::sort(pairs.begin(), pairs.end(), before);
    pack();
    std::vector<std::uint32_t> walls;
    for (const Pair& pair : pairs) {
      if (stopped()) break;
      if (may_fall(pair.wall)) walls.push_back(pair.wall);
    }
    std::sort(walls.begin(), walls.end());
    return walls;
  }

 private:
  bool stopped() const { return control_.aborted && control_.aborted(); }

  // The pairs that may merge, each by itself. With F(x) the fewest rows up to wall x and G(y) the fewest from wall y
  // on, the wall between l and r may fall if a row from some x <= l to y >= r has F(x) + 1 + G(y) <= rows. Of the walls
  // x from which r is in reach, F takes two values at most, and the last wall of each reaches furthest.
  std::vector<Pair> open_pairs() const {
    std::vector<std::uint32_t> to(count_ + 1), from(count_ + 1), last(count_ + 1);
    for (std::uint32_t wall = 1, least = 0; wall <= count_; ++wall) {
      while (reach_[least] < wall) ++least;
      to[wall] = to[least] + 1;
      last[to[wall]] = wall;
    }
    for (std::uint32_t wall = count_; wall-- > 0;) from[wall] = from[reach_[wall]] + 1;
    std::vector<Pair> pairs;
    for (std::uint32_t wall = 1; wall < count_; ++wall) {
      const auto serves = [&](std::uint32_t x) {
        return reach_[x] > wall && std::uint64_t{to[x]} + 1 + from[reach_[x]] <= options_.rows;
      };
      const std::uint32_t left = wall - 1;
      if (serves(left) || (to[left] > 0 && serves(last[to[left] - 1]))) pairs.push_back({0, wall});
    }
    return pairs;
  }

  // Keeps the `m` smallest by (score, position).
  void keep(std::vector<Pair>& pairs, FilterBy by, std::size_t m) const {
    for (Pair& pair : pairs) pair.key = pair_score(by, clusters_[pair.wall - 1], clusters_[pair.wall], norm_);
    if (m >= pairs.size()) return;
    std::nth_element(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(m), pairs.end(), before);
    pairs.resize(m);
  }

  // The next and the previous wall that stands.
  std::uint32_t after(std::uint32_t wall) const {
    do ++wall;
    while (stands_[wall] == 0);
    return wall;
  }
  std::uint32_t ahead(std::uint32_t wall) const {
    while (stands_[wall] == 0) --wall;
    return wall;
  }

  // Packs from left to right: false, and nothing changes, when that takes too many rows.
  bool pack() {
    std::vector<std::uint32_t> cuts = {0};
    while (cuts.back() < count_) {
      if (cuts.size() > options_.rows) return false;
      cuts.push_back(ahead(reach_[cuts.back()]));
    }
    cut_anew(cuts);
    return true;
  }

  // Replaces the cuts between the first and the last of `cuts`, which stay.
  void cut_anew(const std::vector<std::uint32_t>& cuts) {
    for (std::uint32_t cut = cuts.front(); cut != cuts.back();) {
      cut = next_[cut];
      is_cut_[cut] = 0;
      --used_;
    }
    for (std::size_t k = 1; k < cuts.size(); ++k) {
      next_[cuts[k - 1]] = cuts[k];
      previous_[cuts[k]] = cuts[k - 1];
      is_cut_[cuts[k]] = 1;
      ++used_;
    }
  }

  // Packs from the cut `low` on, without the fallen cut behind it, until a cut meets one of the packing at hand: false,
  // and nothing changes, when that takes too many rows. The rest may then still be packed otherwise.
  bool pack_from(std::uint32_t low) {
    std::vector<std::uint32_t> cuts = {low};
    std::uint32_t old = next_[low], rows = used_;
    do {
      const std::uint32_t cut = ahead(reach_[cuts.back()]);
      if (cut == cuts.back()) return false;  // what no wall parts is over the limit
      cuts.push_back(cut);
      ++rows;
      for (; old < cuts.back(); old = next_[old]) --rows;
    } while (old != cuts.back());
    if (rows - 1 > options_.rows) return false;
    cut_anew(cuts);
    return true;
  }

  // Lets a wall fall if the rest can still be packed.
  bool may_fall(std::uint32_t wall) {
    stands_[wall] = 0;
    if (is_cut_[wall] == 0) return true;
    const std::uint32_t low = previous_[wall], high = next_[wall];
    for (const std::uint32_t instead : {ahead(wall), after(wall)}) {
      if (reach_[instead] < high || reach_[low] < instead) continue;
      if (instead == low || instead == high)
        cut_anew({low, high});
      else
        cut_anew({low, instead, high});
      return true;
    }
    if (pack_from(low) || pack()) return true;
    stands_[wall] = 1;
    return false;
  }

  const std::vector<Cluster>& clusters_;
  const AgglomerateOptions& options_;
  const LearnerControl& control_;
  const std::uint32_t count_;
  double norm_ = 0;
  std::vector<std::uint64_t> at_;     // [walls] ids before
  std::vector<std::uint32_t> reach_;  // [walls] the last wall that a row from here can reach, whether it stands or not
  std::vector<std::uint8_t> stands_;  // [walls]
  std::vector<std::uint8_t> is_cut_;  // [walls] of the packing at hand
  std::vector<std::uint32_t> next_, previous_;  // [walls] cut, from a cut
  std::uint32_t used_ = 1;                      // rows of the packing at hand
};

}  // namespace

void agglomerate_strictly(std::vector<Cluster>& clusters, const AgglomerateOptions& options,
                          const LearnerControl& control, Clustering& result) {
  while (clusters.size() > options.rows) {
    if (control.aborted && control.aborted()) return;
    const std::uint64_t merges = std::min<std::uint64_t>(options.merges_per_round, clusters.size() - options.rows);
    std::vector<std::uint32_t> walls = Round(clusters, options, control).fallen(merges);
    walls.push_back(0);  // none falls there: an end to the list
    std::size_t to = 0, fallen = 0;
    for (std::size_t k = 0; k < clusters.size();) {
      const std::size_t first = k++;
      while (walls[fallen] == k) ++fallen, ++k;
      clusters[to++] = union_of(k - first, options.count_weighted,
                                [&](std::size_t i) -> const Cluster& { return clusters[first + i]; });
    }
    clusters.resize(to);
    ++result.rounds;
    if (control.progress) control.progress(static_cast<double>(result.rounds), static_cast<double>(to));
  }
}

}  // namespace collide
