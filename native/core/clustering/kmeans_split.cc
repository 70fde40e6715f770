#include "core/clustering/kmeans_split.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace collide {

namespace {

// A cluster that is not as given any more.
struct Half {
  std::vector<std::uint32_t> places;
  bool equal = false;  // all its vectors
};

bool all_equal(const KmeansPlaces& all, const std::vector<std::uint32_t>& places) {
  const float* first = &all.points[places[0] * all.dim];
  return std::all_of(places.begin(), places.end(), [&](std::uint32_t place) {
    return std::equal(first, first + all.dim, &all.points[place * all.dim]);
  });
}

KmeansSpread spread_of(const KmeansPlaces& all, std::uint32_t cluster, const std::vector<std::uint32_t>& places) {
  std::vector<double> mean(all.dim);
  all.mean_of(places.data(), places.size(), mean.data());
  const double error = all.error_of(places.data(), places.size(), mean.data());
  return {error, static_cast<std::uint32_t>(places.size()), cluster};
}

// Orders the places along the axis of most weighted variance (ties: the first axis, the lower place); those of equal
// vectors stay as they are.
void order(const KmeansPlaces& all, std::vector<std::uint32_t>& places) {
  const std::size_t dim = all.dim;
  std::vector<double> mean(dim), variance(dim);
  all.mean_of(places.data(), places.size(), mean.data());
  for (const std::uint32_t place : places) {
    for (std::size_t d = 0; d < dim; ++d) {
      const double difference = static_cast<double>(all.points[place * dim + d]) - mean[d];
      variance[d] += all.weights[place] * difference * difference;
    }
  }
  const std::size_t axis = std::max_element(variance.begin(), variance.end()) - variance.begin();
  std::stable_sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) {
    return all.points[a * dim + axis] < all.points[b * dim + axis];
  });
}

double weight_of(const KmeansPlaces& all, const std::vector<std::uint32_t>& places) {
  double sum = 0;
  for (const std::uint32_t place : places) sum += all.weights[place];
  return sum;
}

// Where the running weight first reaches half of the total, at least one id on each side.
std::size_t half_of(const KmeansPlaces& all, const std::vector<std::uint32_t>& places, double total) {
  double sum = 0;
  std::size_t cut = 0;
  while (cut + 1 < places.size() && sum < total / 2) sum += all.weights[places[cut++]];
  return cut;
}

}  // namespace

bool KmeansSpread::operator<(const KmeansSpread& other) const {
  return std::tie(error, size, other.cluster) < std::tie(other.error, other.size, cluster);
}

void split_widest(const KmeansPlaces& all, std::vector<KmeansSpread> spreads, const std::vector<std::uint32_t>& empty,
                  const std::function<std::vector<std::uint32_t>(std::uint32_t)>& members_of,
                  const std::function<void(std::uint32_t, std::uint32_t, std::uint32_t)>& take) {
  std::priority_queue<KmeansSpread> widest({}, std::move(spreads));
  std::unordered_map<std::uint32_t, Half> halves;
  const auto keep = [&](std::uint32_t k, std::vector<std::uint32_t> places, bool equal) {
    if (!equal) std::sort(places.begin(), places.end());
    if (places.size() > 1) widest.push(spread_of(all, k, places));
    halves[k] = {std::move(places), equal};
  };
  for (const std::uint32_t target : empty) {
    const std::uint32_t source = widest.top().cluster;  // one is left: there are at least as many ids as clusters
    widest.pop();
    const auto known = halves.find(source);
    Half half = known != halves.end() ? std::move(known->second) : Half{members_of(source)};
    // Where there are fewer vectors than clusters, most are equal, and halves of them are in order.
    half.equal = half.equal || all_equal(all, half.places);
    const double total = weight_of(all, half.places);
    if (!half.equal) order(all, half.places);
    const std::size_t cut = half_of(all, half.places, total);
    for (std::size_t k = cut; k < half.places.size(); ++k) take(half.places[k], source, target);
    keep(target, {half.places.begin() + static_cast<std::ptrdiff_t>(cut), half.places.end()}, half.equal);
    half.places.resize(cut);
    keep(source, std::move(half.places), half.equal);
  }
}

}  // namespace collide
