#include "cpu/agglomerate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "cpu/agglomerate_candidates.h"
#include "cpu/agglomerate_clusters.h"
#include "cpu/key_sort.h"

namespace collide {

namespace {

constexpr double kMostAccesses = 9007199254740991.0;  // 2^53 - 1: sums of counts stay exact

void check_input(const std::vector<double>& values, const std::vector<double>& counts) {
  if (values.empty()) fail("INVALID_ARGUMENT", "Expected at least one id for values, received none");
  if (values.size() > std::numeric_limits<std::uint32_t>::max()) {
    fail("INVALID_ARGUMENT", "Expected fewer than 2^32 ids for values, received ", values.size());
  }
  if (values.size() != counts.size()) {
    fail("INVALID_ARGUMENT", "Expected counts of the same length as values (", values.size(), "), received length ",
         counts.size());
  }
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      fail("INVALID_ARGUMENT", "Expected finite numbers for values, received ", values[i], " at index ", i);
    }
    if (!(counts[i] >= 0 && counts[i] <= kMostAccesses && counts[i] == std::floor(counts[i]))) {
      fail("INVALID_ARGUMENT", "Expected whole numbers from 0 for counts, received ", counts[i], " at index ", i);
    }
    total += counts[i];
    if (total > kMostAccesses) {
      fail("INVALID_ARGUMENT", "Expected counts with a sum below 2^53, exceeded at index ", i);
    }
  }
}

void check_options(const AgglomerateOptions& options) {
  if (options.rows < 1) fail("INVALID_ARGUMENT", "Expected rows >= 1, received ", options.rows);
  if (options.merges_per_round < 1) {
    fail("INVALID_ARGUMENT", "Expected mergesPerRound >= 1, received ", options.merges_per_round);
  }
  if (options.filters.empty()) fail("INVALID_ARGUMENT", "Expected at least one filter, received none");
  for (std::size_t i = 0; i < options.filters.size(); ++i) {
    if (!(options.filters[i].keep > 0)) {
      fail("INVALID_ARGUMENT", "Expected keep > 0 for filters[", i, "], received ", options.filters[i].keep);
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (options.filters[j].by == options.filters[i].by) {
        fail("INVALID_ARGUMENT", "Expected each filter once, but filters[", i, "] repeats filters[", j, "]");
      }
    }
  }
}

// What the pairs that pass all filters are ranked by when they are more than K: the last filter that is a score.
FilterBy final_ranking(const std::vector<ClusterFilter>& filters) {
  FilterBy last = FilterBy::kSize;
  for (const ClusterFilter& filter : filters) {
    if (filter.by != FilterBy::kSize) last = filter.by;
  }
  return last;
}

// One round's choice: `merges` pairs or fewer, at least one. Returns whether it fell back to the smallest created
// sizes.
bool choose(const Clusters& clusters, const AgglomerateOptions& options, std::uint64_t merges, Candidates& candidates) {
  bool fallback = false;
  candidates.begin_round(clusters);
  for (const ClusterFilter& filter : options.filters) {
    const double wanted = std::max(1.0, std::floor(filter.keep * static_cast<double>(merges)));
    const auto m = static_cast<std::size_t>(std::min(wanted, static_cast<double>(candidates.size())));
    if (filter.by != FilterBy::kSize) {
      candidates.keep_smallest(clusters, filter.by, m);
    } else if (!candidates.drop_larger(clusters, options.max_cluster_size)) {
      candidates.keep_smallest(clusters, FilterBy::kSize, m);
      fallback = true;
    }
  }
  candidates.keep_smallest(clusters, final_ranking(options.filters), merges);
  return fallback;
}

}  // namespace

Clustering agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                       const AgglomerateControl& control) {
  check_input(values, counts);
  check_options(options);
  const std::size_t ids = values.size();
  KeyedIds order(ids);
  for (std::size_t id = 0; id < ids; ++id) order[id] = {key_of(values[id]), static_cast<std::uint32_t>(id)};
  Clustering result;
  if (!order.sort(Ties::kById, control.threads, control.aborted)) return result;
  order.take_spare();
  std::vector<double> sorted_counts(ids);
  for (std::size_t k = 0; k < ids; ++k) values[k] = value_of(order[k].key), sorted_counts[k] = counts[order[k].id];
  counts = {};
  Clusters clusters(std::move(values), std::move(sorted_counts));

  const bool limited = options.max_cluster_size > 0 &&
                       std::any_of(options.filters.begin(), options.filters.end(),
                                   [](const ClusterFilter& filter) { return filter.by == FilterBy::kSize; });
  Candidates candidates(clusters.size());
  std::vector<std::uint64_t> chosen;
  while (clusters.size() > options.rows) {
    if (control.aborted && control.aborted()) return result;
    const std::uint64_t merges = std::min<std::uint64_t>(options.merges_per_round, clusters.size() - options.rows);
    clusters.begin_round();
    const bool fallback = choose(clusters, options, merges, candidates);
    candidates.mark(chosen);
    const std::uint64_t limit = limited && !fallback ? options.max_cluster_size : 0;
    const bool split = clusters.merge(chosen, limit, options.count_weighted);
    ++result.rounds;
    result.fallback_rounds += fallback ? 1 : 0;
    result.split_rounds += split ? 1 : 0;
    if (control.progress) control.progress(static_cast<double>(result.rounds), static_cast<double>(clusters.size()));
  }

  clusters.take(result);
  result.assignment.resize(ids);
  std::size_t next = 0;
  for (std::size_t label = 0; label < result.sizes.size(); ++label) {
    for (std::uint32_t left = result.sizes[label]; left > 0; --left) {
      result.assignment[order[next++].id] = static_cast<std::uint32_t>(label);
    }
  }
  return result;
}

}  // namespace collide
