// The dense net's input side, a block of rows at a time: rows in and out of the lanes-last layout, and the pairwise
// dots of the vectors. Blocks hold vectors 1..V at features 0..V*dim, then vector 0 (the bottom output), then the dots,
// so that the top layers' input, concat(vector 0, dots), is one range of features and nothing is copied.
//
// Dot (i, j), i > j, of vectors numbered 0..V is feature i (i - 1) / 2 + j of the dots: the lower triangle by rows.
// Cost per row: dim multiply-adds for each of V (V + 1) / 2 dots forward, twice that backward.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/dense/gemm.h"

namespace collide {

class Interaction {
 public:
  Interaction(std::size_t vectors, std::size_t dim);

  std::size_t dots() const { return dots_; }
  // Feature of vector 0 in a block, the first of the top layers' inputs.
  std::size_t first() const { return vectors_ * dim_; }
  // Features of the top layers' input and its gradient: vector 0 and the dots.
  std::size_t outputs() const { return dim_ + dots_; }
  // Floats of scratch that backward() needs.
  std::size_t scratch() const { return (vectors_ + 1) * (vectors_ + 1 + dim_) * kLanes; }

  // Fills in the dots of a block whose vectors are there.
  void forward(Lanes block, std::size_t groups) const;

  // `gradient` holds d loss / d concat(vector 0, dots); its first dim features are replaced by vector 0's whole
  // gradient, 0 where `masked` and vector 0 (then a ReLU's output) is not above 0. Those of vectors 1..V go to
  // vector_rows, row-major [rows, V * dim].
  void backward(Lanes block, Lanes gradient, std::size_t rows, bool masked, float* vector_rows, float* scratch) const;

 private:
  std::size_t vectors_, dim_, dots_;
  // [V + 1, V + 1] floats from vector 0 to a pair's dot, in a block and in its gradient; 0 for the pairs (i, i).
  // Numbered as in the block: vector 0 last.
  std::vector<std::uint32_t> place_;
};

// Row-major rows [rows, features] to lanes; rows up to a full group of 16 are filled with zeros.
void load_rows(const float* from, std::size_t rows, std::size_t features, Lanes to);

// Every row of feature f becomes values[f].
void fill_rows(const float* values, std::size_t features, std::size_t groups, Lanes to);

}  // namespace collide
