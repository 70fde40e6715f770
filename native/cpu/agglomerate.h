// Agglomerative clustering of ids by a 1-D teacher value ("Learning to Collide", the algorithm for clustering
// categorical ids): neighbours in value order merge, up to K pairs a round, until `rows` clusters are left.
//
// A round is  select -> filter -> chain -> merge:
//   clusters    (agglomerate_clusters.h)    hold the state in value order;
//   index       (agglomerate_index.h)       knows by codes of 16 bits which pairs the first filter keeps;
//   candidates  (agglomerate_candidates.h)  are the pairs still in the running; each further filter keeps some of them.
// Deterministic, the same bits for any number of threads: every choice by (score, position), float64 without
// contraction, left-to-right sums. A CUDA version must give the same bits. Cost: a radix sort, then per round a pass
// over 2 bytes per slot and O(K) for what it scores and merges; about (N - rows) / K rounds. Memory: under 64 bytes
// per id at the peak (the sort), the inputs consumed included; 31 and 16 per candidate during the rounds.
//
// On a GPU, per round: one pass over codes (2 bytes per slot) that compacts the candidates, a radix select of each
// further filter over them (2 to 4 passes of 16 bytes per candidate), one pass over the chosen bits (1/8 byte per slot)
// whose chain heads merge their chains and recompute two codes each, histogram updates by atomics. The threshold code
// comes from the histogram, by one block. Squeezing is a scan over the slots, about log2(N / rows) times in all.
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
