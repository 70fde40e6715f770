// A tree of bounding boxes over k-means centroids, or some of them, for exact nearest-centroid searches that look at
// few.
//
// Distances are squares, float64, summed dimension by dimension. A box's distance is summed in the same way, so by the
// monotony of rounding it never exceeds that of a centroid within, and pruning by it needs no slack. A box that is as
// far as the nearest centroid known matters only if it has a lower index: thousands of centroids in one place cost no
// more than one. Building is O(T log T), fitting it to centroids that have moved O(T). Searches are const and may run
// on any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/squared_distance.h"

namespace collide {

struct Neighbour {
  double square;
  std::uint32_t index;

  // Ties go to the lower index.
  bool operator<(const Neighbour& other) const {
    return square < other.square || (square == other.square && index < other.index);
  }
};

class CentroidTree {
 public:
  // Of the centroids [*, dim] with these indices, at least one; their values are copied.
  CentroidTree(const double* centroids, std::vector<std::uint32_t> indices, std::size_t dim, unsigned threads);

  // Takes the values that the centroids have now. Searches stay exact, but slow down as neighbours in the tree part.
  void fit(const double* centroids);

  // The centroid nearest to a point [dim]; `known` is one that was measured already.
  Neighbour nearest(const float* point, Neighbour known) const;

  // The centroids within a squared distance of a centre [dim], the boundary included, as indices in no particular
  // order. False when there are more than `most`; `found` is then incomplete.
  bool within(const double* centre, double square, std::size_t most, std::vector<std::uint32_t>& found) const;

 private:
  struct Range {
    std::uint32_t node, begin, end;  // node 1 is the root; 2n and 2n + 1 are the halves of n
    bool is_leaf() const { return end - begin <= kLeaf; }
    Range lower() const { return {2 * node, begin, begin + (end - begin) / 2}; }
    Range upper() const { return {2 * node + 1, begin + (end - begin) / 2, end}; }
  };
  static constexpr std::uint32_t kLeaf = 8;

  bool split(const Range& range, const double* centroids);
  void build(const Range& range, const double* centroids);
  void fit(const Range& range);
  template <typename T>
  double distance_to_box(std::uint32_t node, const T* point) const;
  // Whether a node at a distance can have a centroid before `best`.
  bool is_open(std::uint32_t node, double square, const Neighbour& best) const {
    return square < best.square || (square == best.square && lowest_[node] < best.index);
  }
  void search(const Range& range, const float* point, Neighbour& best) const;
  bool collect(const Range& range, const double* centre, double square, std::size_t most,
               std::vector<std::uint32_t>& found) const;

  std::size_t dim_;
  std::uint32_t count_;
  std::vector<std::uint32_t> order_;   // index of the centroid at each place
  std::vector<double> points_;         // [place, dim]
  std::vector<double> boxes_;          // [node, lower bounds then upper bounds]
  std::vector<std::uint32_t> lowest_;  // [node] index
};

}  // namespace collide
