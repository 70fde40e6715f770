// Principal components of teacher rows: the orthogonal directions along which they vary most, ids weighing as often as
// they were accessed (all counts 0: all alike).
//
// Up to 64 dimensions, or for many of the components: the covariance matrix and all its eigenvectors
// (symmetric_eigen.h). Of wider rows only the leading ones are searched for (lanczos.h), by products with the
// covariance, which is a matrix up to 512 dimensions; beyond, each product is a pass over the rows, and the matrix is
// never made.
//
// float64, deterministic, the same bits for any number of threads: sums over ids are made block by block, and the
// blocks' are added in their order. O(ids * dim^2) up to 512 dimensions, O(ids * dim) and a product per step of
// Lanczos' method beyond. Memory: under 40 MB up to 512 dimensions, 64 sums of dim numbers and up to 1,000 directions
// beyond.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/clustering/equal_mass.h"

namespace collide {

struct PrincipalAxes {
  std::vector<double> mean;       // [dim] weighted mean row
  std::vector<double> axes;       // [components, dim] unit rows, the largest entry of each (the first such) positive
  std::vector<double> variances;  // [components] weighted, largest first
};

// points [n * dim] finite, counts [n] whole numbers with a sum below 2^53, 1 <= components <= dim. Throws Error
// INVALID_ARGUMENT naming the first bad element. Nothing of what is returned has a meaning after an abort.
PrincipalAxes principal_axes(const std::vector<float>& points, std::size_t dim, const std::vector<double>& counts,
                             std::size_t components, const LearnerControl& control = {});

// The rows' coordinates along one of the axes, [n], and along all of them, [n, components].
std::vector<double> projected(const std::vector<float>& points, const PrincipalAxes& axes, std::size_t component,
                              const LearnerControl& control = {});
std::vector<float> rotated(const std::vector<float>& points, const PrincipalAxes& axes,
                           const LearnerControl& control = {});

}  // namespace collide
