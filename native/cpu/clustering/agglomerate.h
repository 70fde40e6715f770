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

#include <vector>

#include "core/clustering/agglomeration.h"

namespace collide {

// values [N] finite, counts [N] whole numbers >= 0 whose sum is below 2^53, N from 1 to 2^32 - 1; both are consumed.
// Throws Error INVALID_ARGUMENT naming the first bad element. Progress is (round, clusters).
Clustering agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                       const LearnerControl& control = {});

}  // namespace collide
