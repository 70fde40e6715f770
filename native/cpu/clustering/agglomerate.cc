#include "cpu/clustering/agglomerate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <utility>

#include "cpu/clustering/agglomerate_candidates.h"
#include "cpu/clustering/agglomerate_clusters.h"
#include "cpu/clustering/agglomerate_index.h"
#include "cpu/clustering/agglomerate_strict.h"
#include "cpu/clustering/key_sort.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

bool is_score(const ClusterFilter& filter) {
  return filter.by != FilterBy::kSize;
}

// The rounds of one agglomeration. A round's candidates are divided among the threads once, by position, and every step
// keeps to these parts: what a step writes, the next reads in the same processor's cache. Nothing that parts write
// often may lie side by side: a cache line that two processors write takes longer than a merge.
class Rounds {
 public:
  Rounds(Clusters& clusters, const AgglomerateOptions& options, unsigned threads)
      : options_(options),
        clusters_(clusters),
        size_first_(!is_score(options.filters[0])),
        ranking_(final_ranking(options.filters)),
        threads_(std::clamp<std::size_t>(kMergeNanoseconds * clusters.slots() / kLeastNanoseconds, 1,
                                         threads == 0 ? available_threads() : threads)),
        index_(clusters, first_score(options.filters), size_first_ ? options.max_cluster_size : 0, threads_) {}

  // Merges `merges` pairs or fewer, at least one.
  void round(std::uint64_t merges, Clustering& result) {
    const bool fallback = choose(clusters_.norm(), merges);
    const bool split = merge(limits_size(options_) && !fallback ? options_.max_cluster_size : 0);
    if (clusters_.sparse()) {
      parallel_for(2, static_cast<unsigned>(parts_for(clusters_.slots())),
                   [&](std::size_t t) { t == 0 ? clusters_.compact() : index_.squeeze(clusters_); });
      clusters_.squeezed();
    }
    ++result.rounds;
    result.fallback_rounds += fallback ? 1 : 0;
    result.split_rounds += split ? 1 : 0;
  }

 private:
  using Pairs = std::span<const Candidate>;  // by position

  // What merging has changed.
  struct Merged {
    Clusters::Tally tally;
    bool split = false;  // whether a chain was
  };

  // What the index orders pairs by: the first filter that is a score.
  static FilterBy first_score(const std::vector<ClusterFilter>& filters) {
    const auto first = std::find_if(filters.begin(), filters.end(), is_score);
    return first == filters.end() ? FilterBy::kSize : first->by;
  }

  // Leaves the pairs to merge in candidates_. Returns whether it fell back to the smallest created sizes.
  bool choose(double norm, std::uint64_t merges) {
    auto filter = options_.filters.begin();
    const auto end = options_.filters.end();
    bool fallback = false;
    if (size_first_ && index_.size() == 0) {
      list_all(norm);
    } else {
      if (size_first_) ++filter;
      const std::size_t pairs = index_.size();
      const std::size_t m =
          filter == end ? std::min<std::size_t>(merges, pairs) : pairs_to_keep(*filter++, merges, pairs);
      index_.select(clusters_, norm, m, filter == end || !is_score(*filter) ? ranking_ : filter->by,
                    parts_for(kMergeNanoseconds * merges + clusters_.slots() / 16), candidates_);
    }
    for (; filter != end; ++filter) {
      const std::size_t m = pairs_to_keep(*filter, merges, candidates_.size());
      if (is_score(*filter)) {
        candidates_.keep_smallest(clusters_, filter->by, norm, m);
      } else if (!candidates_.drop_larger(clusters_, options_.max_cluster_size)) {
        candidates_.keep_smallest(clusters_, FilterBy::kSize, norm, m);
        fallback = true;
      }
    }
    candidates_.keep_smallest(clusters_, ranking_, norm, merges);
    return fallback;
  }

  void list_all(double norm) {
    const SlotRange all = clusters_.all();
    candidates_.list(FilterBy::kSize, {all}, [&](std::size_t, std::vector<Candidate>& list) {
      for (std::uint32_t left = 0, right; left < clusters_.slots(); left = right) {
        right = clusters_.next(left, all);
        if (right == Clusters::kNone) break;
        list.push_back({clusters_.score(FilterBy::kSize, left, right, norm), left, right});
      }
    });
  }

  // Merges the chosen pairs, neighbouring ones as one chain. With max_size > 0, a chain of more ids is cut into pairs
  // left to right (AB, CD, E stays). Returns whether one was.
  bool merge(std::uint64_t max_size) {
    std::vector<Candidate> across;
    const std::vector<Pairs> within = divide_chains(across);
    std::vector<Merged> merged(within.size());
    parallel_for(within.size(), static_cast<unsigned>(within.size()), [&](std::size_t part) {
      const SlotRange& range = candidates_.parts()[part];
      merged[part] = merge_chains(within[part], max_size, [&](const std::uint32_t* slots, std::size_t count) {
        index_.united(clusters_, slots, count, range, part);
      });
    });
    merged.push_back(merge_chains(across, max_size, [&](const std::uint32_t* slots, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) index_.refresh(clusters_, slots[i]);
      refresh_before(slots[0]);
    }));
    for (const SlotRange& part : candidates_.parts()) refresh_before(part.end);

    bool split = false;
    for (const Merged& one : merged) {
      clusters_.settle(one.tally);
      split |= one.split;
    }
    return split;
  }

  // The pairs of each part whose chains lie within it. Chains that cross into the next part go to `across`, whole.
  std::vector<Pairs> divide_chains(std::vector<Candidate>& across) const {
    std::vector<Pairs> within;
    std::uint32_t reached = Clusters::kNone;  // by the pairs of the parts before
    for (std::size_t part = 0; part < candidates_.parts().size(); ++part) {
      const Pairs pairs = candidates_.of(part);
      std::size_t begin = 0, end = pairs.size();
      while (begin < end && pairs[begin].left == (begin == 0 ? reached : pairs[begin - 1].right)) ++begin;
      if (begin < end && pairs.back().right >= candidates_.parts()[part].end) {
        for (--end; end > begin && pairs[end - 1].right == pairs[end].left;) --end;
      }
      across.insert(across.end(), pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(begin));
      across.insert(across.end(), pairs.begin() + static_cast<std::ptrdiff_t>(end), pairs.end());
      within.push_back(pairs.subspan(begin, end - begin));
      if (!pairs.empty()) reached = pairs.back().right;
    }
    return within;
  }

  // changed(slots, count) follows each union of `count` slots in the first.
  template <typename Changed>
  Merged merge_chains(Pairs pairs, std::uint64_t max_size, const Changed& changed) {
    constexpr std::size_t kAhead = 16;
    Merged merged;
    const auto unite = [&](const std::uint32_t* slots, std::size_t count) {
      clusters_.unite(slots, count, options_.count_weighted, merged.tally);
      changed(slots, count);
    };
    std::vector<std::uint32_t> chain;
    for (std::size_t i = 0; i < pairs.size();) {
      chain.assign(1, pairs[i].left);
      std::uint64_t ids = clusters_[pairs[i].left].ids;
      for (; i < pairs.size() && pairs[i].left == chain.back(); ++i) {
        const std::uint32_t soon = pairs[std::min(i + kAhead, pairs.size() - 1)].left;
        clusters_.prefetch(soon);
        index_.prefetch(soon);
        chain.push_back(pairs[i].right);
        ids += clusters_[pairs[i].right].ids;
      }
      if (max_size == 0 || ids <= max_size) {
        unite(chain.data(), chain.size());
      } else {
        merged.split = true;
        for (std::size_t k = 0; k + 1 < chain.size(); k += 2) unite(&chain[k], 2);
      }
    }
    return merged;
  }

  void refresh_before(std::size_t slot) {
    const std::uint32_t left = clusters_.previous(slot, clusters_.all());
    if (left != Clusters::kNone) index_.refresh(clusters_, left);
  }

  // How many parts pay for a round, or a step of it, that takes one thread so many nanoseconds, roughly.
  std::size_t parts_for(std::size_t nanoseconds) const {
    return std::clamp<std::size_t>(nanoseconds / kLeastNanoseconds, 1, threads_);
  }

  static constexpr std::size_t kMergeNanoseconds = 100;  // to find a pair and merge it
  static constexpr std::size_t kLeastNanoseconds = 50'000;

  const AgglomerateOptions& options_;
  Clusters& clusters_;
  const bool size_first_;
  const FilterBy ranking_;
  const std::size_t threads_;
  PairIndex index_;
  Candidates candidates_;
};

// The clusters and ids in value order.
void gather(const KeyedIds& order, const std::vector<double>& counts, unsigned threads, Cluster* sorted,
            std::uint32_t* ids) {
  constexpr std::size_t kChunk = 1 << 15, kAhead = 24;
  const std::size_t n = order.size();
  parallel_for((n + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
    for (std::size_t k = chunk * kChunk; k < std::min(n, (chunk + 1) * kChunk); ++k) {
      __builtin_prefetch(&counts[order[std::min(k + kAhead, n - 1)].id]);
      sorted[k] = {value_of(order[k].key), counts[order[k].id], 1};
      ids[k] = order[k].id;
    }
  });
}

}  // namespace

Clustering agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                       const LearnerControl& control) {
  check_agglomeration(values, counts, options);
  Clustering result;
  const std::size_t n = values.size();
  static_assert(sizeof(Cluster) >= sizeof(KeyedId));
  Memory sorted, order_memory;
  {
    KeyedIds order(n, sizeof(Cluster));
    order.fill(values, control.threads);
    values = {};
    if (!order.sort(Ties::kById, control.threads, control.aborted)) return result;
    sorted = order.take_spare();
    order_memory = Memory(n * sizeof(std::uint32_t), "the order of ids");
    gather(order, counts, control.threads, sorted.as<Cluster>(), order_memory.as<std::uint32_t>());
    counts = {};
  }
  const auto* ids = order_memory.as<std::uint32_t>();  // in value order
  if (options.strict_size) {
    std::vector<Cluster> strict(sorted.as<Cluster>(), sorted.as<Cluster>() + n);
    sorted = {};
    agglomerate_strictly(strict, options, control, result);
    if (result.rounds == 0 && control.progress) control.progress(0, static_cast<double>(n));
    for (const Cluster& cluster : strict) {
      result.values.push_back(cluster.value);
      result.counts.push_back(cluster.count);
      result.sizes.push_back(cluster.ids);
    }
    label_ids(ids, n, result);
    return result;
  }
  Clusters clusters(std::move(sorted), n);
  if (clusters.size() > options.rows) {
    const ShortRegions regions;
    Rounds rounds(clusters, options, control.threads);
    while (clusters.size() > options.rows) {
      if (control.aborted && control.aborted()) return result;
      rounds.round(std::min<std::uint64_t>(options.merges_per_round, clusters.size() - options.rows), result);
      if (control.progress) control.progress(static_cast<double>(result.rounds), static_cast<double>(clusters.size()));
    }
  }

  if (result.rounds == 0 && control.progress) control.progress(0, static_cast<double>(clusters.size()));
  clusters.take(result);
  label_ids(ids, n, result);
  return result;
}

}  // namespace collide
