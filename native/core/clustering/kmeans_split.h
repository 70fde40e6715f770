// What becomes of clusters that lost all their ids: each, in ascending order, gets the upper half, by weight along the
// axis of most weighted variance, of the cluster with most weighted squared error.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/clustering/kmeans_places.h"

namespace collide {

// A cluster's place among those to be split: the one with most error first; of equals (all 0: nothing but duplicates)
// the largest, then the lowest.
struct KmeansSpread {
  double error;
  std::uint32_t size, cluster;
  bool operator<(const KmeansSpread& other) const;
};

// spreads: of the clusters with two ids or more. members_of(cluster) gives a cluster's places, ascending; take(place,
// from, to) is called for every place that moves, some more than once.
void split_widest(const KmeansPlaces& all, std::vector<KmeansSpread> spreads, const std::vector<std::uint32_t>& empty,
                  const std::function<std::vector<std::uint32_t>(std::uint32_t)>& members_of,
                  const std::function<void(std::uint32_t, std::uint32_t, std::uint32_t)>& take);

}  // namespace collide
