// Where rows lie on a Hilbert curve that fills a cube: a one-dimensional view in which neighbours are near each other
// in all dimensions (lib/clustering/hilbert.ts has the curve, `hilbertIndex`, cell by cell).
//
// The cube's edge is the widest range of any dimension, cut into 2^bits cells, bits = min(26, floor(52 / dim)).
// Deterministic for any number of threads: an id is on its own. O(n * dim * bits), no memory of its own.
#pragma once

#include <cstddef>
#include <vector>

#include "cpu/clustering/equal_mass.h"

namespace collide {

// rows [n * dim] finite, 1 <= dim <= 26. Returns keys [n]: whole numbers below 2^52; without meaning after an abort.
// Throws Error INVALID_ARGUMENT naming the first bad value, NOT_SUPPORTED for more dimensions.
std::vector<double> hilbert_keys(const std::vector<float>& rows, std::size_t dim, const LearnerControl& control = {});

}  // namespace collide
