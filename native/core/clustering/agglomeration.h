// What the CPU and the CUDA agglomeration share: options, result, the checks, and how the filters rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/learner_control.h"

namespace collide {

enum class FilterBy { kFrequency, kDistance, kSize };

struct ClusterFilter {
  FilterBy by;
  double keep;  // the filter leaves floor(keep * K) pairs, at least 1
};

struct AgglomerateOptions {
  std::uint64_t rows = 1;              // clusters to end with; N or more: every id its own cluster
  std::uint64_t merges_per_round = 1;  // K
  std::uint64_t max_cluster_size = 0;  // 0: no limit; kept by the size filter alone, unless it is strict
  std::vector<ClusterFilter> filters;  // in the order applied, each kind at most once
  bool count_weighted = true;          // value of merged clusters: count-weighted mean, or plain mean (Eq. 4)
  bool strict_size = false;            // always keeps max_cluster_size, which times rows is at least the number of ids
};

struct Clustering {
  std::vector<std::uint32_t> assignment;  // [ids] cluster of each id; labels ascend with value
  std::vector<double> values;             // [clusters]
  std::vector<std::uint32_t> sizes;       // [clusters] ids
  std::vector<double> counts;             // [clusters] accesses, whole numbers
  std::uint64_t rounds = 0;
  std::uint64_t fallback_rounds = 0;  // rounds in which no candidate fitted max_cluster_size
  std::uint64_t split_rounds = 0;     // rounds in which a chain over max_cluster_size was cut into pairs
};

// Throws Error INVALID_ARGUMENT naming the first bad element or option.
void check_agglomeration(const std::vector<double>& values, const std::vector<double>& counts,
                         const AgglomerateOptions& options);

// What the pairs that pass all filters are ranked by when they are more than K: the last filter that is a score.
FilterBy final_ranking(const std::vector<ClusterFilter>& filters);

// Whether chains of more than max_cluster_size ids are cut.
bool limits_size(const AgglomerateOptions& options);

// floor(keep * merges) pairs, at least one, at most `candidates`.
std::size_t pairs_to_keep(const ClusterFilter& filter, std::uint64_t merges, std::size_t candidates);

// Fills result.assignment from result.sizes: ids [n], in value order.
void label_ids(const std::uint32_t* ids, std::size_t n, Clustering& result);

}  // namespace collide
