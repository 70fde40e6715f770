#include "cpu/dense/gemm.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "cpu/dense/simd.h"

namespace collide {

namespace {

// Bytes of weights that an inner loop goes over again and again: half of a 32 KiB L1 cache.
constexpr std::size_t kL1Share = 16384;

// Below this width the columns of a weight gradient, 16 at a time, would mostly be padding.
constexpr std::size_t kNarrow = 8;

// Cuts n into panels of at most `widest`, as even as can be: 64 by 6 is 9 x 6 and 2 x 5, not 10 x 6 and a thin 4.
struct Panels {
  std::size_t count, width, wider;
  Panels(std::size_t n, std::size_t widest) : count((n + widest - 1) / widest), width(n / count), wider(n % count) {}
  std::size_t start(std::size_t panel) const { return panel * width + std::min(panel, wider); }
  std::size_t size(std::size_t panel) const { return width + (panel < wider ? 1 : 0); }
};

// Calls tile(integral_constant<n>) for n in [1, kMost].
template <int kMost, typename Tile>
COLLIDE_INLINE void with_size(std::size_t n, const Tile& tile) {
  if constexpr (kMost > 1) {
    if (n < kMost) return with_size<kMost - 1>(n, tile);
  }
  tile(std::integral_constant<int, kMost>());
}

// Features of one tile: 16 lanes of each must fit in the registers (16 of them, or 32 with AVX-512 and NEON).
#if defined(__x86_64__)
template <int kBytes>
constexpr int kTile = kBytes == 16   ? 3
                      : kBytes == 32 ? 6
                                     : 12;
#else
template <int kBytes>
constexpr int kTile = 6;
#endif

constexpr std::size_t kWidestTile = 12;

template <int kBytes>
constexpr std::size_t kParts = kLanes / Simd<kBytes>::kWidth;

template <int kBytes, int I>
using Sums = typename Simd<kBytes>::Vec[I][kParts<kBytes>];

// sum[i][16 lanes] += w(i, k) * in[k][16 lanes] over k, in order. kTransposed: w(i, k) = w[k * pitch + i], else
// w[i * pitch + k]. The one inner loop of this file: per k a load of 16 lanes, I broadcasts, and I times 16
// multiply-adds.
template <int kBytes, int I, bool kTransposed>
COLLIDE_INLINE void accumulate(Sums<kBytes, I>& sum, const float* w, std::size_t pitch, std::size_t inner,
                               const float* in) {
  using S = Simd<kBytes>;
  for (std::size_t k = 0; k < inner; ++k) {
    typename S::Vec part[kParts<kBytes>];
#pragma GCC unroll 4
    for (std::size_t h = 0; h < kParts<kBytes>; ++h) part[h] = S::load(in + k * kLanes + h * S::kWidth);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < I; ++i) {
      const float weight = kTransposed ? w[k * pitch + i] : w[i * pitch + k];
#pragma GCC unroll 4
      for (std::size_t h = 0; h < kParts<kBytes>; ++h) sum[i][h] += part[h] * weight;
    }
  }
}

enum class Finish { kBias, kBiasRelu, kPlain, kMask, kAdd };

// out[i] = finish(sum over k of w(i, k) * in[k]) for `outer` features i and all groups of 16 rows.
template <bool kTransposed, Finish kFinish>
struct Product {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Layer& layer, const Lanes& in, const Lanes& out, std::size_t groups,
                                 float* scratch) {
    const std::size_t inner = kTransposed ? layer.inputs : layer.outputs;
    const std::size_t outer = kTransposed ? layer.outputs : layer.inputs;
    // Weights read down their columns, too many for the L1 cache: each panel of columns is first copied side by side.
    const bool copy = kTransposed && inner * outer * sizeof(float) > 2 * kL1Share;
    const Panels panels(outer, kTile<kBytes>);
    const std::size_t together =
        copy ? 1 : std::max<std::size_t>(1, kL1Share / (inner * kTile<kBytes> * sizeof(float)));
    for (std::size_t first = 0; first < panels.count; first += together) {
      const std::size_t last = std::min(first + together, panels.count);
      if (copy) pack<kBytes>(layer, panels.start(first), panels.size(first), scratch);
      const float* const weights = copy ? scratch : layer.weights;
      const std::size_t pitch = copy ? panels.size(first) : layer.outputs;
      for (std::size_t g = 0; g < groups; ++g) {
        for (std::size_t p = first; p < last; ++p) {
          const std::size_t start = panels.start(p);
          const float* const w = copy ? weights : weights + start * (kTransposed ? 1 : pitch);
          const float* const bias = kTransposed ? layer.bias + start : nullptr;
          with_size<kTile<kBytes>>(
              panels.size(p), [&](auto size) __attribute__((always_inline)) {
                Sums<kBytes, size()> sum = {};
                accumulate<kBytes, size(), kTransposed>(sum, w, pitch, inner, in.data + g * in.group);
                finish<kBytes, size()>(sum, bias, out.data + start * kLanes + g * out.group);
              });
        }
      }
    }
  }

  // to[k * width + i] = weights[k, start + i]
  template <int kBytes>
  static COLLIDE_INLINE void pack(const Layer& layer, std::size_t start, std::size_t width, float* to) {
    with_size<kTile<kBytes>>(
        width, [&](auto size) __attribute__((always_inline)) {
          for (std::size_t k = 0; k < layer.inputs; ++k) {
            std::memcpy(to + k * size(), layer.weights + k * layer.outputs + start, size() * sizeof(float));
          }
        });
  }

  template <int kBytes, int I>
  static COLLIDE_INLINE void finish(const Sums<kBytes, I>& sum, const float* bias, float* out) {
    using S = Simd<kBytes>;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < I; ++i) {
#pragma GCC unroll 4
      for (std::size_t h = 0; h < kParts<kBytes>; ++h) {
        float* target = out + i * kLanes + h * S::kWidth;
        typename S::Vec value = sum[i][h];
        if constexpr (kFinish == Finish::kBias || kFinish == Finish::kBiasRelu) value += bias[i];
        if constexpr (kFinish == Finish::kBiasRelu) value = S::relu(value);
        if constexpr (kFinish == Finish::kMask) value = S::load(target) > typename S::Vec{} ? value : typename S::Vec{};
        if constexpr (kFinish == Finish::kAdd) value += S::load(target);
        S::store(target, value);
      }
    }
  }
};

// to[(c / 16)][r][c % 16] = the value of feature c in row r: tiles of 16 columns, in which a row is one aligned load.
struct Transpose {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& from, std::size_t features, std::size_t groups, float* to) {
    const std::size_t rows = groups * kLanes;
    for (std::size_t c = 0; c < features; c += kLanes) {
      for (std::size_t g = 0; g < groups; ++g) {
        lanes_to_rows<kBytes>(from.data + g * from.group + c * kLanes, kLanes, std::min(kLanes, features - c),
                              to + c * rows + g * kLanes * kLanes, kLanes);
      }
    }
  }
};

// gradient[i * width + c] += sum over rows of left[i] * right[c], and sums[c] += sum over rows of right[c]; `right`
// comes from Transpose, so these are sums of rows of 16 columns.
struct OuterProduct {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& left, std::size_t height, const float* right, std::size_t width,
                                 std::size_t groups, float* gradient, float* sums) {
    const Panels panels(height, kTile<kBytes>);
    for (std::size_t c = 0; c < width; c += kLanes) {
      const float* tile = right + c * groups * kLanes;
      const std::size_t columns = std::min(kLanes, width - c);
      for (std::size_t p = 0; p < panels.count; ++p) {
        const std::size_t start = panels.start(p);
        with_size<kTile<kBytes>>(
            panels.size(p), [&](auto size) __attribute__((always_inline)) {
              // What the next panel reads, and where the sums of this one go, is far apart: fetched ahead of time.
              for (std::size_t i = 0; i < size(); ++i) __builtin_prefetch(gradient + (start + i) * width + c, 1);
              Sums<kBytes, size()> sum = {};
              for (std::size_t g = 0; g < groups; ++g) {
                const float* from = left.data + g * left.group + start * kLanes;
                for (std::size_t i = 0; i < size(); ++i) __builtin_prefetch(from + (size() + i) * kLanes);
                accumulate<kBytes, size(), false>(sum, from, kLanes, kLanes, tile + g * kLanes * kLanes);
              }
              add<kBytes, size()>(sum, gradient + start * width + c, width, columns);
            });
      }
      Sums<kBytes, 1> sum = {};
      for (std::size_t r = 0; r < groups * kLanes; ++r) {
#pragma GCC unroll 4
        for (std::size_t h = 0; h < kParts<kBytes>; ++h) {
          sum[0][h] += Simd<kBytes>::load(tile + r * kLanes + h * Simd<kBytes>::kWidth);
        }
      }
      add<kBytes, 1>(sum, sums + c, width, columns);
    }
  }

  template <int kBytes, int I>
  static COLLIDE_INLINE void add(const Sums<kBytes, I>& sum, float* gradient, std::size_t pitch, std::size_t columns) {
    using S = Simd<kBytes>;
    if (columns == kLanes) {
#pragma GCC unroll 16
      for (std::size_t i = 0; i < I; ++i) {
#pragma GCC unroll 4
        for (std::size_t h = 0; h < kParts<kBytes>; ++h) {
          float* target = gradient + i * pitch + h * S::kWidth;
          S::store_unaligned(target, S::load_unaligned(target) + sum[i][h]);
        }
      }
      return;
    }
    for (std::size_t i = 0; i < I; ++i) {
      alignas(64) float values[kLanes];
      for (std::size_t h = 0; h < kParts<kBytes>; ++h) S::store(values + h * S::kWidth, sum[i][h]);
      for (std::size_t c = 0; c < columns; ++c) gradient[i * pitch + c] += values[c];
    }
  }
};

// The same for a narrow output (the last layer's single logit): gradient[i * pitch] += sum over rows of left[i] *
// right, where `right` is one feature, or all ones if null. Sums lane by lane, then a 16 x 16 transpose adds up the
// lanes.
struct NarrowProduct {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& left, std::size_t height, const float* right, std::size_t right_group,
                                 std::size_t groups, float* gradient, std::size_t pitch) {
    using S = Simd<kBytes>;
    for (std::size_t first = 0; first < height; first += kLanes) {
      const std::size_t features = std::min(kLanes, height - first);
      alignas(64) float lanes[kLanes * kLanes], rows[kLanes * kLanes];
      for (std::size_t f = 0; f < features; ++f) {
        typename S::Vec sum[kParts<kBytes>] = {};
        for (std::size_t g = 0; g < groups; ++g) {
#pragma GCC unroll 4
          for (std::size_t h = 0; h < kParts<kBytes>; ++h) {
            const auto value = S::load(left.data + g * left.group + (first + f) * kLanes + h * S::kWidth);
            sum[h] += right == nullptr ? value : value * S::load(right + g * right_group + h * S::kWidth);
          }
        }
        for (std::size_t h = 0; h < kParts<kBytes>; ++h) S::store(lanes + f * kLanes + h * S::kWidth, sum[h]);
      }
      lanes_to_rows<kBytes>(lanes, kLanes, features, rows, kLanes);
      for (std::size_t r = 1; r < kLanes; ++r) {
        for (std::size_t f = 0; f < features; ++f) rows[f] += rows[r * kLanes + f];
      }
      for (std::size_t f = 0; f < features; ++f) gradient[(first + f) * pitch] += rows[f];
    }
  }
};

}  // namespace

int& vector_bytes() {
  static int bytes = [] {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (avx2) return avx512 ? 64 : 32;
#endif
    return 16;
  }();
  return bytes;
}

void layer_forward(const Layer& layer, Lanes input, Lanes output, std::size_t groups, bool relu, float* scratch) {
  if (relu) {
    dispatch<Product<true, Finish::kBiasRelu>>(layer, input, output, groups, scratch);
  } else {
    dispatch<Product<true, Finish::kBias>>(layer, input, output, groups, scratch);
  }
}

void layer_backward_input(const Layer& layer, Lanes output_gradient, Lanes input_gradient, std::size_t groups,
                          InputGradient mode) {
  float* const scratch = nullptr;
  if (mode == InputGradient::kMask) {
    dispatch<Product<false, Finish::kMask>>(layer, output_gradient, input_gradient, groups, scratch);
  } else if (mode == InputGradient::kAdd) {
    dispatch<Product<false, Finish::kAdd>>(layer, output_gradient, input_gradient, groups, scratch);
  } else {
    dispatch<Product<false, Finish::kPlain>>(layer, output_gradient, input_gradient, groups, scratch);
  }
}

std::size_t layer_scratch(std::size_t inputs, std::size_t outputs, std::size_t groups) {
  const std::size_t transposed = outputs < kNarrow ? 0 : (outputs + kLanes - 1) / kLanes * kLanes * groups * kLanes;
  return std::max(transposed, inputs * kWidestTile);
}

void layer_backward_weights(const Layer& layer, Lanes output_gradient, Lanes input, std::size_t groups,
                            float* weights_gradient, float* bias_gradient, float* scratch) {
  if (layer.outputs < kNarrow) {
    for (std::size_t i = 0; i < layer.outputs; ++i) {
      dispatch<NarrowProduct>(input, layer.inputs, output_gradient.from(i).data, output_gradient.group, groups,
                              weights_gradient + i, layer.outputs);
    }
    add_row_sums(output_gradient, layer.outputs, groups, bias_gradient);
  } else {
    dispatch<Transpose>(output_gradient, layer.outputs, groups, scratch);
    dispatch<OuterProduct>(input, layer.inputs, scratch, layer.outputs, groups, weights_gradient, bias_gradient);
  }
}

void add_row_sums(Lanes values, std::size_t features, std::size_t groups, float* sums) {
  dispatch<NarrowProduct>(values, features, static_cast<const float*>(nullptr), std::size_t{0}, groups, sums,
                          std::size_t{1});
}

const char* gemm_library() {
  if (vector_bytes() >= 64) return "portable (AVX-512)";
  return vector_bytes() >= 32 ? "portable (AVX2)" : "portable";
}

}  // namespace collide
