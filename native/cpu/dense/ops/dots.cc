#include "cpu/dense/ops/dots.h"

#include <algorithm>

#include "cpu/dense/op.h"
#include "cpu/dense/simd.h"

namespace collide {

namespace {

constexpr std::uint32_t kNoPair = ~std::uint32_t{0};

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

struct Forward {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& block, const Lanes& dots, std::size_t groups, std::size_t numbers,
                                 std::size_t dim, const std::uint32_t* place) {
    for (std::size_t g = 0; g < groups; ++g) {
      const float* x = block.data + g * block.group;
      float* out = dots.data + g * dots.group;
      for (std::size_t row = 1; row < numbers; row += 2) {
        const bool pair = row + 1 < numbers;
        const std::size_t columns = pair ? row + 1 : row;
        std::size_t q = 0;
        for (; q + 4 <= columns; q += 4) tile<kBytes, 4>(pair, x, row, q, dim, out, place, numbers);
        switch (columns - q) {
          case 1:
            tile<kBytes, 1>(pair, x, row, q, dim, out, place, numbers);
            break;
          case 2:
            tile<kBytes, 2>(pair, x, row, q, dim, out, place, numbers);
            break;
          case 3:
            tile<kBytes, 3>(pair, x, row, q, dim, out, place, numbers);
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
COLLIDE_INLINE void gradient_tile(const float* x, const float* pairs, std::size_t numbers, std::size_t dim,
                                  float* out) {
  using S = Simd<kBytes>;
  typename S::Vec sum[kRows][kColumns] = {};
  for (std::size_t q = 0; q < numbers; ++q) {
    typename S::Vec right[kColumns];
#pragma GCC unroll 4
    for (std::size_t d = 0; d < kColumns; ++d) right[d] = S::load(x + d * kLanes);
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kRows; ++i) {
      const auto pair = S::load(pairs + (i * numbers + q) * S::kWidth);
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
  static COLLIDE_INLINE void run(const Lanes& block, const Lanes& gradient, std::size_t rows, std::size_t numbers,
                                 std::size_t dim, bool first, const std::uint32_t* place, const DotsGradient& to,
                                 float* scratch) {
    using S = Simd<kBytes>;
    const std::size_t width = (first ? numbers - 1 : numbers) * dim;  // of the vectors that do not stand alone
    float* const pairs = scratch + numbers * dim * kLanes;
    for (std::size_t g = 0; g * kLanes < rows; ++g) {
      const std::size_t here = std::min(kLanes, rows - g * kLanes);
      float* const out = to.vector_rows + g * kLanes * width;
      // These lines are written some thousand cycles from now; by then they are here.
      if (to.vector_rows != nullptr) {
        for (std::size_t f = 0; f < here * width; f += 16) __builtin_prefetch(out + f, 1);
      }
      const float* const x = block.data + g * block.group;
      const float* const from = gradient.data + g * gradient.group;
      for (std::size_t lane = 0; lane < kLanes; lane += S::kWidth) {
        // The pairs' gradients as a full symmetric matrix with a zero diagonal: no look-ups in the loop that follows.
        for (std::size_t i = 0; i < numbers * numbers; ++i) {
          S::store(pairs + i * S::kWidth, place[i] == kNoPair ? typename S::Vec{} : S::load(from + place[i] + lane));
        }
        for (std::size_t p = 0; p < numbers; p += 2) {
          const bool two = p + 1 < numbers;
          std::size_t d = 0;
          for (; d + 4 <= dim; d += 4) tile<kBytes, 4>(two, x, pairs, numbers, dim, p, d, lane, scratch);
          switch (dim - d) {
            case 1:
              tile<kBytes, 1>(two, x, pairs, numbers, dim, p, d, lane, scratch);
              break;
            case 2:
              tile<kBytes, 2>(two, x, pairs, numbers, dim, p, d, lane, scratch);
              break;
            case 3:
              tile<kBytes, 3>(two, x, pairs, numbers, dim, p, d, lane, scratch);
              break;
            default:
              break;
          }
        }
        if (to.first.data == nullptr) continue;
        const std::size_t own = width * kLanes + lane;
        float* const target = to.first.data + g * to.first.group + lane;
        for (std::size_t d = 0; d < dim * kLanes; d += kLanes) {
          auto value = S::load(scratch + own + d);
          if (to.add_first) value += S::load(target + d);
          if (to.mask_first) value = S::load(x + own + d) > typename S::Vec{} ? value : typename S::Vec{};
          S::store(target + d, value);
        }
      }
      if (to.vectors.data != nullptr) {
        float* const target = to.vectors.data + g * to.vectors.group;
        for (std::size_t i = 0; i < width * kLanes; i += S::kWidth) {
          const auto value = S::load(scratch + i);
          S::store(target + i, to.add_vectors ? S::load(target + i) + value : value);
        }
      } else if (to.vector_rows != nullptr && here == kLanes) {
        lanes_to_rows<kBytes>(scratch, kLanes, width, out, width);
      } else if (to.vector_rows != nullptr) {
        for (std::size_t r = 0; r < here; ++r) {
          for (std::size_t f = 0; f < width; ++f) out[r * width + f] = scratch[f * kLanes + r];
        }
      }
    }
  }

  template <int kBytes, int kColumns>
  static COLLIDE_INLINE void tile(bool two, const float* x, const float* pairs, std::size_t numbers, std::size_t dim,
                                  std::size_t p, std::size_t d, std::size_t lane, float* out) {
    const float* const from = x + d * kLanes + lane;
    const float* const row = pairs + p * numbers * Simd<kBytes>::kWidth;
    float* const to = out + (p * dim + d) * kLanes + lane;
    if (two) {
      gradient_tile<kBytes, 2, kColumns>(from, row, numbers, dim, to);
    } else {
      gradient_tile<kBytes, 1, kColumns>(from, row, numbers, dim, to);
    }
  }
};

class DotsOp final : public CpuOp {
 public:
  explicit DotsOp(const OpContext& op)
      : dots_(op.node().input_shapes.back().vectors, op.node().input_shapes.back().width, op.node().inputs.size() == 2),
        op_(op),
        block_(op.slot(op.plan().inputs.back())),
        value_(op.slot(op.plan().value)),
        gradient_(op.slot(op.plan().gradient)),
        copies_(op.copies_inputs()) {
    const std::vector<GradientPlan>& plans = op.plan().gradients;
    if (plans.size() == 2) first_ = op.slot(plans[0].place), first_plan_ = plans[0];
    vectors_ = op.slot(plans.back().place), vectors_plan_ = plans.back();
  }

  std::size_t scratch() const override { return dots_.scratch(); }

  void forward(const Block& block) const override {
    if (copies_) op_.copy_inputs(block);
    dots_.forward(block_.lanes(block), value_.lanes(block), block.groups);
  }

  void backward(Block& block) const override {
    if (!first_plan_.place && !vectors_plan_.place) return;
    DotsGradient to;
    if (first_.exists) to.first = first_.lanes(block);
    to.add_first = first_plan_.add, to.mask_first = first_plan_.mask;
    if (vectors_.exists) to.vectors = vectors_.lanes(block);
    to.add_vectors = vectors_plan_.add;
    to.vector_rows = vectors_plan_.place.in_batch() ? block.vector_gradient : nullptr;
    dots_.backward(block_.lanes(block), gradient_.lanes(block), block.rows, to, block.scratch);
  }

 private:
  Dots dots_;
  OpContext op_;
  Slot block_, value_, gradient_, first_, vectors_;
  GradientPlan first_plan_, vectors_plan_;
  bool copies_;
};

}  // namespace

Dots::Dots(std::size_t vectors, std::size_t dim, bool first)
    : numbers_(vectors + (first ? 1 : 0)), dim_(dim), first_(first), place_(numbers_ * numbers_, kNoPair) {
  // The block has vector 0, if it stands alone, last.
  const auto number = [&](std::size_t p) { return !first ? p : p == vectors ? 0 : p + 1; };
  for (std::size_t p = 0; p < numbers_; ++p) {
    for (std::size_t q = 0; q < numbers_; ++q) {
      const std::size_t i = std::max(number(p), number(q)), j = std::min(number(p), number(q));
      if (i != j) place_[p * numbers_ + q] = static_cast<std::uint32_t>((i * (i - 1) / 2 + j) * kLanes);
    }
  }
}

void Dots::forward(Lanes block, Lanes dots, std::size_t groups) const {
  dispatch<Forward>(block, dots, groups, numbers_, dim_, static_cast<const std::uint32_t*>(place_.data()));
}

void Dots::backward(Lanes block, Lanes dots_gradient, std::size_t rows, const DotsGradient& to, float* scratch) const {
  dispatch<Gradient>(block, dots_gradient, rows, numbers_, dim_, first_,
                     static_cast<const std::uint32_t*>(place_.data()), to, scratch);
}

std::unique_ptr<CpuOp> make_dots(const OpContext& op) {
  return std::make_unique<DotsOp>(op);
}

}  // namespace collide
