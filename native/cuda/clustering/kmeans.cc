#include "cuda/clustering/kmeans.h"

#include <numeric>
#include <unordered_map>
#include <utility>

#include "core/clustering/kmeans_split.h"
#include "core/support/error.h"
#include "cuda/clustering/kmeans_rounds.cuh"
#include "cuda/support/on_device.cuh"

namespace collide::cuda {

namespace {

constexpr std::size_t kMostDimensions = 4 * 65535;  // 4 to a thread, and so many blocks in y

// Halves for the clusters that lost all their ids, found by the host as on the CPU: they are few, and one depends on
// the other.
void fill_empty(KmeansRounds& rounds, const KmeansPlaces& places) {
  const KmeansRounds::Grouping grouping = rounds.grouping();
  const std::vector<double> errors = rounds.errors();
  const auto& [members, starts] = grouping;
  std::vector<std::uint32_t> empty;
  std::vector<KmeansSpread> spreads;
  for (std::uint32_t k = 0; k < errors.size(); ++k) {
    const std::uint32_t size = starts[k + 1] - starts[k];
    if (size == 0) empty.push_back(k);
    if (size > 1) spreads.push_back({errors[k], size, k});
  }
  const auto members_of = [&](std::uint32_t k) {
    return std::vector(members.begin() + starts[k], members.begin() + starts[k + 1]);
  };
  std::unordered_map<std::uint32_t, std::uint32_t> taken;  // the last word on each place
  split_widest(places, std::move(spreads), empty, members_of,
               [&](std::uint32_t place, std::uint32_t, std::uint32_t to) { taken[place] = to; });
  std::vector<std::uint32_t> moving, to;
  for (const auto& [place, cluster] : taken) moving.push_back(place), to.push_back(cluster);
  rounds.move(moving, to);
}

}  // namespace

KmeansClustering kmeans(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                        const std::vector<std::uint32_t>& start, const KmeansOptions& options,
                        const LearnerControl& control) {
  if (dim > kMostDimensions) {
    fail("NOT_SUPPORTED", "Expected at most ", kMostDimensions, " dimensions for k-means on a CUDA device, received ",
         dim, ": use device \"cpu\"");
  }
  const OnDevice here;
  const KmeansPlaces places(points, dim, counts, start, options);
  KmeansRounds rounds(places, options.rows);
  KmeansClustering result;
  if (options.iterations == 0 && control.progress) control.progress(0, 0);
  while (result.iterations < options.iterations) {
    if (control.aborted && control.aborted()) return result;
    if (!rounds.assign()) fill_empty(rounds, places);
    result.moved = rounds.take_means();
    ++result.iterations;
    if (control.progress) control.progress(static_cast<double>(result.iterations), static_cast<double>(result.moved));
    if (result.moved == 0) break;
  }
  const std::vector<double> errors = rounds.errors();
  result.distortion = std::accumulate(errors.begin(), errors.end(), 0.0);
  result.centroids = rounds.centroids();
  const auto [members, starts] = rounds.grouping();
  result.assignment.resize(counts.size());
  result.sizes.resize(options.rows);
  result.counts.resize(options.rows);
  for (std::uint32_t k = 0; k < options.rows; ++k) {
    result.sizes[k] = starts[k + 1] - starts[k];
    for (std::uint32_t m = starts[k]; m < starts[k + 1]; ++m) {
      const std::uint32_t id = places.ids[members[m]];
      result.assignment[id] = k;
      result.counts[k] += counts[id];
    }
  }
  return result;
}

}  // namespace collide::cuda
