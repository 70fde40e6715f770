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
// native/cuda/kmeans_rounds.cuh has the same rounds on a GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace collide {

// What an id weighs: its count + 0.3, the root of that, or 1.
enum class KmeansWeight { kCount, kSqrt, kUniform };

struct KmeansOptions {
  std::uint32_t rows = 1;  // clusters, at most as many as ids
  KmeansWeight weight = KmeansWeight::kCount;
  std::uint64_t iterations = 15;  // most rounds; 0: the start itself
  unsigned threads = 0;           // 0: all
};

struct KmeansClustering {
  std::vector<std::uint32_t> assignment;  // [ids], every cluster used
  std::vector<double> centroids;          // [rows, dim] weighted means
  std::vector<std::uint32_t> sizes;       // [rows] ids
  std::vector<double> counts;             // [rows] accesses
  double distortion = 0;                  // weighted squared distances to the centroids, summed
  std::uint64_t iterations = 0;           // rounds done
  std::uint64_t moved = 0;                // ids that the last round moved; 0: converged
};

// Both may be empty. `aborted` is polled all the time, from any thread: once true, what is returned has no meaning.
struct KmeansControl {
  std::function<bool()> aborted;
  std::function<void(double round, double moved)> progress;
};

// Throws as kmeans() does.
void check_kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                  const std::vector<std::uint32_t>& start, const KmeansOptions& options);

// points [N, dim] finite; counts [N] whole numbers >= 0; start [N] clusters that use every one of 0 .. rows - 1.
// Throws Error INVALID_ARGUMENT naming the first bad element.
KmeansClustering kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                        const std::vector<std::uint32_t>& start, const KmeansOptions& options,
                        const KmeansControl& control = {});

}  // namespace collide
