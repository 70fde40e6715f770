#include "cpu/agglomerate.h"

#include <algorithm>
#include <utility>

#include "cpu/agglomerate_candidates.h"
#include "cpu/agglomerate_clusters.h"
#include "cpu/agglomerate_sort.h"

namespace collide {

namespace {

// One round's choice: `merges` pairs or fewer, at least one. Returns whether it fell back to the smallest created
// sizes.
bool choose(const Clusters& clusters, const AgglomerateOptions& options, std::uint64_t merges, Candidates& candidates) {
  bool fallback = false;
  candidates.begin_round(clusters);
  for (const ClusterFilter& filter : options.filters) {
    const std::size_t m = pairs_to_keep(filter, merges, candidates.size());
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
  check_agglomeration(values, counts, options);
  ValueOrder order = sort_by_value(values, control.aborted);
  Clustering result;
  if (order.ids.size() != values.size()) return result;  // aborted
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = counts[order.ids[k]];
  counts = {};
  Clusters clusters(std::move(order.values), std::move(values));

  const bool limited = limits_size(options);
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
  label_ids(order.ids, result);
  return result;
}

}  // namespace collide
