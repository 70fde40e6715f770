#include "cpu/dense/interaction.h"

#include <algorithm>

#include "cpu/dense/simd.h"

namespace collide {

namespace {

// dots[place(p, q)] = x[p] . x[q] for the pairs p in {row, row + 1} (or row alone), q in [first, first + kColumns), p >
// q. Pairs with p <= q, at the triangle's edge, are computed with the tile and dropped.
template <int kBytes, int kRows, int kColumns>
COLLIDE_INLINE void dot_tile(const float* x, std::size_t row, std::size_t first, std::size_t dim, float* dots,
                             const std::uint32_t* place, std::size_t pitch) {
  using S = Simd<kBytes>;
  for (std::size_t lane = 0; lane < kLanes; lane += S::kWidth) {
    typename S::Vec sum[kRows][kColumns] = {};
    const float* p = x + row * dim * kLanes + lane;
    const float* q = x + first * dim * kLanes + lane;
    for (std::size_t d = 0; d < dim; ++d, p += kLanes, q += kLanes) {
      typename S::Vec left[kRows];
#pragma GCC unroll 2
      for (std::size_t i = 0; i < kRows; ++i) left[i] = S::load(p + i * dim * kLanes);
#pragma GCC unroll 4
      for (std::size_t j = 0; j < kColumns; ++j) {
        const auto right = S::load(q + j * dim * kLanes);
#pragma GCC unroll 2
        for (std::size_t i = 0; i < kRows; ++i) sum[i][j] += left[i] * right;
      }
    }
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (std::size_t j = 0; j < kColumns; ++j) {
        if (row + i > first + j) S::store(dots + place[(row + i) * pitch + first + j] + lane, sum[i][j]);
      }
    }
  }
}

struct Dots {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& block, std::size_t groups, std::size_t vectors, std::size_t dim,
                                 const std::uint32_t* place) {
    const std::size_t pitch = vectors + 1;
    for (std::size_t g = 0; g < groups; ++g) {
      const float* x = block.data + g * block.group;
      // Where a pair's dot is, counted from vector 0.
      float* top = block.data + g * block.group + vectors * dim * kLanes;
      for (std::size_t row = 1; row <= vectors; row += 2) {
        const bool pair = row < vectors;
        const std::size_t columns = pair ? row + 1 : row;
        std::size_t q = 0;
        for (; q + 4 <= columns; q += 4) tile<kBytes, 4>(pair, x, row, q, dim, top, place, pitch);
        switch (columns - q) {
          case 1:
            tile<kBytes, 1>(pair, x, row, q, dim, top, place, pitch);
            break;
          case 2:
            tile<kBytes, 2>(pair, x, row, q, dim, top, place, pitch);
            break;
          case 3:
            tile<kBytes, 3>(pair, x, row, q, dim, top, place, pitch);
            break;
          default:
            break;
        }
      }
    }
  }

  template <int kBytes, int kColumns>
  static COLLIDE_INLINE void tile(bool pair, const float* x, std::size_t row, std::size_t q, std::size_t dim,
                                  float* dots, const std::uint32_t* place, std::size_t pitch) {
    if (pair) {
      dot_tile<kBytes, 2, kColumns>(x, row, q, dim, dots, place, pitch);
    } else {
      dot_tile<kBytes, 1, kColumns>(x, row, q, dim, dots, place, pitch);
    }
  }
};

// out[p][d] = sum over q of pairs[p][q] * x[q][d] for kRows vectors p and kColumns dimensions d, one vector of rows.
template <int kBytes, int kRows, int kColumns>
COLLIDE_INLINE void gradient_tile(const float* x, const float* pairs, std::size_t vectors, std::size_t dim,
                                  float* out) {
  using S = Simd<kBytes>;
  typename S::Vec sum[kRows][kColumns] = {};
  for (std::size_t q = 0; q <= vectors; ++q) {
    typename S::Vec right[kColumns];
#pragma GCC unroll 4
    for (std::size_t d = 0; d < kColumns; ++d) right[d] = S::load(x + d * kLanes);
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kRows; ++i) {
      const auto pair = S::load(pairs + (i * (vectors + 1) + q) * S::kWidth);
#pragma GCC unroll 4
      for (std::size_t d = 0; d < kColumns; ++d) sum[i][d] += pair * right[d];
    }
    x += dim * kLanes;
  }
#pragma GCC unroll 2
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (std::size_t d = 0; d < kColumns; ++d) S::store(out + (i * dim + d) * kLanes, sum[i][d]);
  }
}

struct Gradient {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& block, const Lanes& gradient, std::size_t rows, std::size_t vectors,
                                 std::size_t dim, const std::uint32_t* place, bool masked, float* vector_rows,
                                 float* scratch) {
    using S = Simd<kBytes>;
    const std::size_t width = vectors * dim, numbers = vectors + 1;
    float* const pairs = scratch + numbers * dim * kLanes;
    for (std::size_t g = 0; g * kLanes < rows; ++g) {
      const std::size_t here = std::min(kLanes, rows - g * kLanes);
      float* const out = vector_rows + g * kLanes * width;
      // These lines are written some thousand cycles from now; by then they are here.
      for (std::size_t f = 0; f < here * width; f += 16) __builtin_prefetch(out + f, 1);
      const float* const x = block.data + g * block.group;
      float* const top = gradient.data + g * gradient.group;
      for (std::size_t lane = 0; lane < kLanes; lane += S::kWidth) {
        // The pairs' gradients as a full symmetric matrix with a zero diagonal: no look-ups in the loop that follows.
        for (std::size_t i = 0; i < numbers * numbers; ++i) {
          S::store(pairs + i * S::kWidth, place[i] == 0 ? typename S::Vec{} : S::load(top + place[i] + lane));
        }
        for (std::size_t p = 0; p < numbers; p += 2) {
          const bool two = p + 1 < numbers;
          std::size_t d = 0;
          for (; d + 4 <= dim; d += 4) tile<kBytes, 4>(two, x, pairs, vectors, dim, p, d, lane, scratch);
          switch (dim - d) {
            case 1:
              tile<kBytes, 1>(two, x, pairs, vectors, dim, p, d, lane, scratch);
              break;
            case 2:
              tile<kBytes, 2>(two, x, pairs, vectors, dim, p, d, lane, scratch);
              break;
            case 3:
              tile<kBytes, 3>(two, x, pairs, vectors, dim, p, d, lane, scratch);
              break;
            default:
              break;
          }
        }
        const std::size_t first = width * kLanes + lane;
        for (std::size_t d = 0; d < dim * kLanes; d += kLanes) {
          auto value = S::load(scratch + first + d) + S::load(top + lane + d);
          if (masked) value = S::load(x + first + d) > typename S::Vec{} ? value : typename S::Vec{};
          S::store(top + lane + d, value);
        }
      }
      if (here == kLanes) {
        lanes_to_rows<kBytes>(scratch, kLanes, width, out, width);
      } else {
        for (std::size_t r = 0; r < here; ++r) {
          for (std::size_t f = 0; f < width; ++f) out[r * width + f] = scratch[f * kLanes + r];
        }
      }
    }
  }

  template <int kBytes, int kColumns>
  static COLLIDE_INLINE void tile(bool two, const float* x, const float* pairs, std::size_t vectors, std::size_t dim,
                                  std::size_t p, std::size_t d, std::size_t lane, float* out) {
    const float* const from = x + d * kLanes + lane;
    const float* const row = pairs + p * (vectors + 1) * Simd<kBytes>::kWidth;
    float* const to = out + (p * dim + d) * kLanes + lane;
    if (two) {
      gradient_tile<kBytes, 2, kColumns>(from, row, vectors, dim, to);
    } else {
      gradient_tile<kBytes, 1, kColumns>(from, row, vectors, dim, to);
    }
  }
};

struct LoadRows {
  template <int kBytes>
  static COLLIDE_INLINE void run(const float* from, std::size_t rows, std::size_t features, const Lanes& to) {
    std::size_t g = 0;
    for (; (g + 1) * kLanes <= rows; ++g) {
      rows_to_lanes<kBytes>(from + g * kLanes * features, features, features, to.data + g * to.group, kLanes);
    }
    const std::size_t left = rows - g * kLanes;
    if (left == 0) return;
    for (std::size_t f = 0; f < features; ++f) {
      for (std::size_t r = 0; r < kLanes; ++r) {
        to.data[g * to.group + f * kLanes + r] = r < left ? from[(g * kLanes + r) * features + f] : 0.0f;
      }
    }
  }
};

}  // namespace

Interaction::Interaction(std::size_t vectors, std::size_t dim)
    : vectors_(vectors), dim_(dim), dots_(vectors * (vectors + 1) / 2), place_((vectors + 1) * (vectors + 1)) {
  for (std::size_t p = 0; p <= vectors; ++p) {
    for (std::size_t q = 0; q <= vectors; ++q) {
      // The block numbers vector 0 last.
      const std::size_t a = p == vectors ? 0 : p + 1, b = q == vectors ? 0 : q + 1;
      const std::size_t i = std::max(a, b), j = std::min(a, b);
      if (i != j) place_[p * (vectors + 1) + q] = static_cast<std::uint32_t>((dim + i * (i - 1) / 2 + j) * kLanes);
    }
  }
}

void Interaction::forward(Lanes block, std::size_t groups) const {
  dispatch<Dots>(block, groups, vectors_, dim_, static_cast<const std::uint32_t*>(place_.data()));
}

void Interaction::backward(Lanes block, Lanes gradient, std::size_t rows, bool masked, float* vector_rows,
                           float* scratch) const {
  dispatch<Gradient>(block, gradient, rows, vectors_, dim_, static_cast<const std::uint32_t*>(place_.data()), masked,
                     vector_rows, scratch);
}

void load_rows(const float* from, std::size_t rows, std::size_t features, Lanes to) {
  dispatch<LoadRows>(from, rows, features, to);
}

void fill_rows(const float* values, std::size_t features, std::size_t groups, Lanes to) {
  for (std::size_t g = 0; g < groups; ++g) {
    for (std::size_t f = 0; f < features; ++f) std::fill_n(to.data + g * to.group + f * kLanes, kLanes, values[f]);
  }
}

}  // namespace collide
