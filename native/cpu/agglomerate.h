// Agglomerative clustering of ids by a 1-D teacher value ("Learning to Collide", the algorithm for clustering
// categorical ids): neighbours in value order merge, up to K pairs a round, until `rows` clusters are left.
//
// A round is  score -> select -> filter -> chain -> merge:
//   clusters    (agglomerate_clusters.h)    hold the state in value order, score neighbouring pairs and merge chains of
//   them; candidates  (agglomerate_candidates.h)  are the pairs still in the running; each filter keeps some of them.
// Deterministic: one thread, every choice by (score, position), float64 without contraction, left-to-right sums. A CUDA
// version must give the same bits. Cost: O(n) per round for n clusters, about (N - rows) / K rounds, one O(N) radix
// sort before them. Memory: under 80 bytes per id at the peak, inputs and outputs included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace collide {

enum class FilterBy { kFrequency, kDistance, kSize };

struct ClusterFilter {
  FilterBy by;
  double keep;  // the filter leaves floor(keep * K) pairs, at least 1
};

struct AgglomerateOptions {
  std::uint64_t rows = 1;              // clusters to end with; N or more: every id its own cluster
  std::uint64_t merges_per_round = 1;  // K
  std::uint64_t max_cluster_size = 0;  // 0: no limit; kept by the size filter alone
  std::vector<ClusterFilter> filters;  // in the order applied, each kind at most once
  bool count_weighted = true;          // value of merged clusters: count-weighted mean, or plain mean (Eq. 4)
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

// Both may be empty. `aborted` is polled every round: once true, the clustering returned has no meaning.
struct AgglomerateControl {
  std::function<bool()> aborted;
  std::function<void(double round, double clusters)> progress;
  unsigned threads = 0;  // 0: all available
};

// values [N] finite, counts [N] whole numbers >= 0 whose sum is below 2^53, N from 1 to 2^32 - 1; both are consumed.
// Throws Error INVALID_ARGUMENT naming the first bad element.
Clustering agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                       const AgglomerateControl& control = {});

}  // namespace collide
