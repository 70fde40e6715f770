// What k-means takes and gives, on the CPU (cpu/clustering/kmeans.h) and on CUDA (cuda/clustering/kmeans.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/learner_control.h"

namespace collide {

// What an id weighs: its count + 0.3, the root of that, or 1.
enum class KmeansWeight { kCount, kSqrt, kUniform };

struct KmeansOptions {
  std::uint32_t rows = 1;  // clusters, at most as many as ids
  KmeansWeight weight = KmeansWeight::kCount;
  std::uint64_t iterations = 15;  // most rounds; 0: the start itself
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

// points [N, dim] finite; counts [N] whole numbers >= 0; start [N] clusters that use every one of 0 .. rows - 1. Throws
// Error INVALID_ARGUMENT naming the first bad element.
void check_kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                  const std::vector<std::uint32_t>& start, const KmeansOptions& options);

}  // namespace collide
