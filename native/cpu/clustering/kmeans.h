// Weighted k-means (Lloyd) of teacher rows in all their dimensions, from a given start, usually a balanced kd-tree.
//
// A round assigns every id to its nearest centroid, exactly (ties: the lower cluster), gives every empty cluster half
// of the cluster with most weighted squared error, and takes means. It ends after `iterations` rounds or when nothing
// moved.
//
// The assignment looks at few centroids. Ids that share a cluster lie in a ball around its centroid of radius r, and
// none of them is nearer to a centroid further than 2r from it: the centroids within are fetched from a tree once for
// all of them, and an id looks at those within twice its own distance. Where there are too many, each id searches the
// tree, starting from the distance that it has. While a centroid stays where it is, its ids have only centroids that
// moved to look at, and none of them are in reach of most: late rounds cost little more than grouping the ids.
//
// Deterministic, with the same bits for any number of threads: distances and sums are float64; a cluster is summed by
// one task, in the order of kmeans_places.h. Rows keep the numbers of the start. A first round is
// O(N (log T + C)), C the centroids within 2r (in 2 dimensions about 20). Memory: under 50 bytes per id above the input
// for dim 2.
//
// native/cuda/clustering/kmeans_rounds.cuh has the same rounds on a GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/kmeans.h"

namespace collide {

// Of input that check_kmeans() passes. Progress is (round, moved).
KmeansClustering kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                        const std::vector<std::uint32_t>& start, const KmeansOptions& options,
                        const LearnerControl& control = {});

}  // namespace collide
