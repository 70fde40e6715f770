// The agglomeration of agglomerate.h with a limit of ids to a cluster that is always kept.
//
// Clusters, parted by walls in value order, can still become `rows` clusters within the limit if and only if packing
// them from left to right, as many to a row as fit, needs no more rows than that. At first every id is a cluster, and
// limit * rows >= ids is enough. A pair of neighbours may merge while that stays so without the wall between them. One
// that may not never may again, since walls only fall; and while there are more clusters than rows, the packing itself
// has a pair that may. So the end is reached, with exactly `rows` clusters.
//
// A round takes all pairs that may merge, one at a time looked at, and filters them as ever; what is left, K at most,
// merges in the order of its rank, each pair only if it still may beside those before it. Whether a wall may fall is
// known at once where the packing at hand has no cut there, or can move that cut to a neighbouring wall; otherwise what
// follows is packed anew, until a cut meets the packing at hand, or, where that needs too many rows, all.
//
// Deterministic, one thread after the sort. A round is O(clusters), and O(rows) for every new packing. About 60 bytes
// per id. There is no CUDA version.
#pragma once

#include <cstdint>
#include <vector>

#include "core/clustering/agglomeration.h"
#include "cpu/clustering/agglomerate_clusters.h"

namespace collide {

// Merges the clusters, in value order, to options.rows. `aborted` is polled all the time; once true, the clusters have
// no meaning. Counts rounds in result.
void agglomerate_strictly(std::vector<Cluster>& clusters, const AgglomerateOptions& options,
                          const LearnerControl& control, Clustering& result);

}  // namespace collide
