// The pairwise dots of vectors, a block of rows at a time. The block's vectors lie one behind the other, vector 0 (if
// it is an input of its own) last, so that it can stand in front of the dots as well, and a concat of the two copies
// nothing. core/dense/ops/dots.h numbers the dots.
//
// Cost per row: dim multiply-adds for each dot forward, twice that backward.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/dense/gemm.h"

namespace collide {

// Where the gradients of the vectors go, those of the ones that do not stand alone in lanes or row-major. Without data:
// nowhere.
struct DotsGradient {
  Lanes first;  // of vector 0, if it is an input of its own
  bool add_first = false, mask_first = false;
  Lanes vectors;
  bool add_vectors = false;
  float* vector_rows = nullptr;  // [rows, vectors * dim], in place of `vectors`
};

class Dots {
 public:
  // `vectors` of `dim`, and one more in front of them if `first`.
  Dots(std::size_t vectors, std::size_t dim, bool first);

  // Floats of scratch that backward() needs.
  std::size_t scratch() const { return numbers_ * (numbers_ + dim_) * kLanes; }

  void forward(Lanes block, Lanes dots, std::size_t groups) const;

  // Where mask_first, the gradient of vector 0 (then a ReLU's output) is 0 where that is not above 0.
  void backward(Lanes block, Lanes dots_gradient, std::size_t rows, const DotsGradient& to, float* scratch) const;

 private:
  std::size_t numbers_, dim_;
  bool first_;
  // [numbers, numbers] floats from the first dot to a pair's, kNoPair for the pairs (i, i); numbered as in the block.
  std::vector<std::uint32_t> place_;
};

}  // namespace collide
