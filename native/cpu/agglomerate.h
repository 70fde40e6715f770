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

#include <vector>

#include "core/agglomeration.h"

namespace collide {

// values [N] finite, counts [N] whole numbers >= 0 whose sum is below 2^53, N from 1 to 2^32 - 1; both are consumed.
// Throws Error INVALID_ARGUMENT naming the first bad element.
Clustering agglomerate(std::vector<double> values, std::vector<double> counts, const AgglomerateOptions& options,
                       const AgglomerateControl& control = {});

}  // namespace collide
