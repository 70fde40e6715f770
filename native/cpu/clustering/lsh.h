// Locality-sensitive hashing of teacher rows (p-stable, Euclidean): cells u_j = floor(a_j . t / w + b_j) of random
// directions; ids with equal cells share a bucket. The width w is found by bisection, so that the buckets fit the rows.
//
// Buckets have very different loads. One with more than `max_size` ids takes several rows: its ids are cut into equal
// pieces along one more random direction, the next hash. What a width needs is therefore the pieces of all buckets; the
// smallest width found whose need is at most the rows, and at least 98 % of them, is taken, and rows left over go to
// the buckets with most ids per piece. So exactly min(rows, ids) rows are used.
//
// Rows are numbered by the cells' lexicographic order, pieces along the next hash (ties: mix64(id)). Deterministic, the
// same bits for any number of threads: directions and offsets come from the caller. The pool makes projections, keys
// and the sort; keys are counted by the caller's thread. O(N K) per width tried, about 15 of them, and one sort of N.
// Memory: 8 (K + 1) + 4 bytes per id above the input, 4 more during the sort. On a GPU: one pass over the projections
// and a radix sort of the keys per width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clustering/learner_control.h"

namespace collide {

struct LshOptions {
  std::uint32_t rows = 1;
  std::uint64_t max_size = 0;  // most ids of a row, at least ids / rows; 0: no limit
};

struct LshClustering {
  std::vector<std::uint32_t> assignment;  // [ids], rows 0 .. min(rows, ids) - 1
  double width = 0;                       // w
  std::uint64_t buckets = 0;              // distinct keys
  std::uint64_t split_buckets = 0;        // buckets of several rows
};

// points [N, dim] finite; directions [K + 1, dim] and offsets [K + 1] from 0 to 1, the last one the next hash; K >= 1.
// Progress is (share, rows that the width at hand needs).
// Throws Error INVALID_ARGUMENT.
LshClustering lsh(const std::vector<float>& points, std::size_t dim, const std::vector<double>& directions,
                  const std::vector<double>& offsets, const LshOptions& options, const LearnerControl& control = {});

}  // namespace collide
