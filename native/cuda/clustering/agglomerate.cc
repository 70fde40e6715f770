#include "cuda/clustering/agglomerate.h"

#include <algorithm>

#include "cuda/clustering/agglomerate_state.cuh"
#include "cuda/support/on_device.cuh"

namespace collide::cuda {

namespace {

// One round's choice, as on the CPU. Returns whether it fell back to the smallest created sizes.
bool choose(AgglomerateState& state, const AgglomerateOptions& options, std::uint64_t merges) {
  bool fallback = false;
  state.begin_round();
  for (const ClusterFilter& filter : options.filters) {
    const std::size_t m = pairs_to_keep(filter, merges, state.candidates());
    if (filter.by != FilterBy::kSize) {
      state.keep_smallest(filter.by, m);
    } else if (!state.drop_larger(options.max_cluster_size)) {
      state.keep_smallest(FilterBy::kSize, m);
      fallback = true;
    }
  }
  state.keep_smallest(final_ranking(options.filters), merges);
  return fallback;
}

}  // namespace

Clustering agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                       const LearnerControl& control) {
  const OnDevice here;
  check_agglomeration(values, counts, options);
  AgglomerateState state(values, counts);
  Clustering result;
  const bool limited = limits_size(options);
  while (state.size() > options.rows) {
    if (control.aborted && control.aborted()) return result;
    const std::uint64_t merges = std::min<std::uint64_t>(options.merges_per_round, state.size() - options.rows);
    const bool fallback = choose(state, options, merges);
    const bool split = state.merge(limited && !fallback ? options.max_cluster_size : 0, options.count_weighted);
    ++result.rounds;
    result.fallback_rounds += fallback ? 1 : 0;
    result.split_rounds += split ? 1 : 0;
    if (control.progress) control.progress(static_cast<double>(result.rounds), static_cast<double>(state.size()));
  }
  if (result.rounds == 0 && control.progress) control.progress(0, static_cast<double>(state.size()));
  state.take(result);
  const std::vector<std::uint32_t> ids = state.sorted_ids();
  label_ids(ids.data(), ids.size(), result);
  return result;
}

}  // namespace collide::cuda
