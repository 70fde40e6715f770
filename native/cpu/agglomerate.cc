#include "cpu/agglomerate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "cpu/agglomerate_candidates.h"
#include "cpu/agglomerate_clusters.h"
#include "cpu/agglomerate_index.h"
#include "cpu/key_sort.h"
#include "cpu/thread_pool.h"

namespace collide {

namespace {

bool is_score(const ClusterFilter& filter) {
  return filter.by != FilterBy::kSize;
}

// The rounds of one agglomeration.
class Rounds {
 public:
  Rounds(Clusters& clusters, const AgglomerateOptions& options, unsigned threads)
      : options_(options),
        threads_(threads),
        clusters_(clusters),
        size_first_(!is_score(options.filters[0])),
        ranking_(final_ranking(options.filters)),
        index_(clusters, first_score(options.filters), size_first_ ? options.max_cluster_size : 0, threads),
        chosen_(clusters.slots() / 64 + 1) {}

  // Merges `merges` pairs or fewer, at least one.
  void round(std::uint64_t merges, Clustering& result) {
    const double norm = clusters_.norm();
    const bool fallback = choose(norm, merges);
    candidates_.mark(chosen_);
    const bool split = merge(limits_size(options_) && !fallback ? options_.max_cluster_size : 0);
    if (clusters_.sparse()) {
      parallel_for(2, threads_, [&](std::size_t t) { t == 0 ? clusters_.compact() : index_.squeeze(clusters_); });
      clusters_.squeezed();
    }
    ++result.rounds;
    result.fallback_rounds += fallback ? 1 : 0;
    result.split_rounds += split ? 1 : 0;
  }

 private:
  // One task's merges: of the chains that begin in its range, all of which end in it too.
  struct Merges {
    SlotRange range;
    std::size_t task;  // for the index
    Clusters::Tally tally;
    // Pairs that reach beyond the range are for when all tasks are done: those of the last chain and before the first.
    std::vector<std::uint32_t> last, first;
    std::vector<std::uint32_t> chain;
    bool split = false;
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
      index_.select(clusters_, norm, m, filter == end || !is_score(*filter) ? ranking_ : filter->by, candidates_);
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
    std::vector<Candidate> list = candidates_.give();
    const SlotRange all = clusters_.all();
    for (std::uint32_t left = 0, right; left < clusters_.slots(); left = right) {
      right = clusters_.next(left, all);
      if (right == Clusters::kNone) break;
      list.push_back({clusters_.score(FilterBy::kSize, left, right, norm), left, right});
    }
    candidates_.take(std::move(list), FilterBy::kSize);
  }

  bool is_chosen(std::uint32_t slot) const { return (chosen_[slot / 64] >> (slot % 64) & 1) != 0; }

  // Ranges for tasks, such that no chain of chosen pairs crosses from one into the next; an empty one may begin at the
  // very end.
  std::vector<Merges> cut_between_chains() const {
    const std::size_t slots = clusters_.slots();
    std::vector<Merges> tasks;
    std::size_t begin = 0;
    for (const SlotRange& range : slot_ranges(slots, PairIndex::kMergeNanoseconds * candidates_.size(), threads_)) {
      std::size_t end = std::max(begin, range.end);
      while (end < slots) {
        const std::uint32_t before = clusters_.previous(end, clusters_.all());
        if (before == Clusters::kNone || !is_chosen(before)) break;
        end = std::min(end + 64, slots);
      }
      tasks.emplace_back().range = {begin, end};
      tasks.back().task = tasks.size() - 1;
      begin = end;
    }
    return tasks;
  }

  // Merges the chosen pairs, neighbouring ones as one chain, and clears their bits. With max_size > 0, a chain of more
  // ids is cut into pairs left to right (AB, CD, E stays). Returns whether one was.
  bool merge(std::uint64_t max_size) {
    std::vector<Merges> tasks = cut_between_chains();
    parallel_for(tasks.size(), threads_, [&](std::size_t t) { merge_range(tasks[t], max_size); });
    bool split = false;
    for (Merges& task : tasks) {
      for (const std::uint32_t first : task.first) {
        const std::uint32_t previous = clusters_.previous(first, clusters_.all());
        if (previous != Clusters::kNone) task.last.push_back(previous);
      }
      for (const std::uint32_t left : task.last) {
        if (!index_.update(clusters_, left, clusters_.all(), task.task)) index_.drop(left, task.task);
      }
      clusters_.settle(task.tally);
      split |= task.split;
    }
    return split;
  }

  void merge_range(Merges& task, std::uint64_t max_size) {
    constexpr std::size_t kAhead = 16;  // words of chosen_
    std::vector<std::uint32_t>& chain = task.chain;
    for (std::size_t word = (task.range.begin + 63) / 64; word * 64 < task.range.end; ++word) {
      if ((word + kAhead) * 64 < task.range.end) {
        for (std::uint64_t soon = chosen_[word + kAhead]; soon != 0; soon &= soon - 1) {
          clusters_.prefetch((word + kAhead) * 64 + static_cast<std::size_t>(std::countr_zero(soon)));
        }
      }
      while (chosen_[word] != 0) {
        auto slot = static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(chosen_[word])));
        chain.assign(1, slot);
        std::uint64_t ids = clusters_[slot].ids;
        while (is_chosen(slot)) {
          chosen_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
          slot = clusters_.next(slot, task.range);
          chain.push_back(slot);
          ids += clusters_[slot].ids;
        }
        if (max_size == 0 || ids <= max_size) {
          unite(task, chain.data(), chain.size());
        } else {
          task.split = true;
          for (std::size_t i = 0; i + 1 < chain.size(); i += 2) unite(task, &chain[i], 2);
        }
      }
    }
  }

  void unite(Merges& task, const std::uint32_t* slots, std::size_t count) {
    clusters_.unite(slots, count, options_.count_weighted, task.tally);
    for (std::size_t i = 1; i < count; ++i) index_.drop(slots[i], task.task);
    if (!index_.update(clusters_, slots[0], task.range, task.task)) task.last.push_back(slots[0]);
    const std::uint32_t previous = clusters_.previous(slots[0], task.range);
    if (previous == Clusters::kNone) {
      task.first.push_back(slots[0]);
    } else {
      index_.update(clusters_, previous, task.range, task.task);
    }
  }

  const AgglomerateOptions& options_;
  const unsigned threads_;
  Clusters& clusters_;
  const bool size_first_;
  const FilterBy ranking_;
  PairIndex index_;
  Candidates candidates_;
  std::vector<std::uint64_t> chosen_;  // a bit per slot
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
                       const AgglomerateControl& control) {
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
  Clusters clusters(std::move(sorted), n);
  if (clusters.size() > options.rows) {
    Rounds rounds(clusters, options, control.threads);
    while (clusters.size() > options.rows) {
      if (control.aborted && control.aborted()) return result;
      rounds.round(std::min<std::uint64_t>(options.merges_per_round, clusters.size() - options.rows), result);
      if (control.progress) control.progress(static_cast<double>(result.rounds), static_cast<double>(clusters.size()));
    }
  }

  clusters.take(result);
  label_ids(ids, n, result);
  return result;
}

}  // namespace collide
