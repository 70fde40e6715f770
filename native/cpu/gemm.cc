#include "cpu/gemm.h"

#include <algorithm>
#include <type_traits>

#include "cpu/dense_simd.h"

namespace collide {

namespace {

// Bytes of weights (or of one operand's lanes) that an inner loop goes over again and again: half of a 32 KiB L1 cache.
constexpr std::size_t kL1Share = 16384;

// Cuts n into panels of at most `widest`, as even as can be: 64 by 6 is 9 x 6 and 2 x 5, not 10 x 6 and a thin 4.
struct Panels {
  std::size_t count, width, wider;
  Panels(std::size_t n, std::size_t widest) : count((n + widest - 1) / widest), width(n / count), wider(n % count) {}
  std::size_t start(std::size_t panel) const { return panel * width + std::min(panel, wider); }
  std::size_t size(std::size_t panel) const { return width + (panel < wider ? 1 : 0); }
};

enum class Finish { kBias, kBiasRelu, kPlain, kMask };

// out[i][16 rows] = finish(sum over k of w(i, k) * in[k][16 rows]) for I features i. kTransposed: w(i, k) = w[k * pitch
// + i], else w[i * pitch + k]. 2 I accumulators stay in registers: per k 2 loads, I broadcasts, 2 I fused multiply-adds.
template <int I, bool kTransposed, Finish kFinish>
COLLIDE_INLINE void product_tile(const float* w, std::size_t pitch, const float* bias, std::size_t inner,
                                 const float* in, std::size_t in_stride, float* out, std::size_t out_stride) {
  Vec sum[I][2] = {};
  for (std::size_t k = 0; k < inner; ++k) {
    const Vec in0 = load(in), in1 = load(in + kVec);
    in += in_stride;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < I; ++i) {
      const float weight = kTransposed ? w[k * pitch + i] : w[i * pitch + k];
      sum[i][0] += in0 * weight;
      sum[i][1] += in1 * weight;
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < I; ++i) {
#pragma GCC unroll 2
    for (std::size_t half = 0; half < 2; ++half) {
      float* target = out + i * out_stride + half * kVec;
      Vec value = sum[i][half];
      if constexpr (kFinish == Finish::kBias || kFinish == Finish::kBiasRelu) value += bias[i];
      if constexpr (kFinish == Finish::kBiasRelu) value = relu(value);
      if constexpr (kFinish == Finish::kMask) value = load(target) > Vec{} ? value : Vec{};
      store(target, value);
    }
  }
}

template <bool kTransposed, Finish kFinish>
COLLIDE_INLINE void product(const Layer& layer, std::size_t inner, std::size_t outer, Lanes in, Lanes out,
                            std::size_t groups) {
  const std::size_t pitch = layer.inputs;
  const Panels panels(outer, 6);
  const std::size_t together = std::max<std::size_t>(1, kL1Share / (inner * 6 * sizeof(float)));
  for (std::size_t first = 0; first < panels.count; first += together) {
    const std::size_t last = std::min(first + together, panels.count);
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t p = first; p < last; ++p) {
        const std::size_t start = panels.start(p);
        const auto tile = [&](auto size) __attribute__((always_inline)) {
          product_tile<size(), kTransposed, kFinish>(layer.weights + start * (kTransposed ? 1 : pitch), pitch,
                                                     layer.bias + start, inner, in.data + g * in.group, in.stride,
                                                     out.at(start) + g * out.group, out.stride);
        };
        switch (panels.size(p)) {
          case 1: tile(std::integral_constant<int, 1>()); break;
          case 2: tile(std::integral_constant<int, 2>()); break;
          case 3: tile(std::integral_constant<int, 3>()); break;
          case 4: tile(std::integral_constant<int, 4>()); break;
          case 5: tile(std::integral_constant<int, 5>()); break;
          default: tile(std::integral_constant<int, 6>()); break;
        }
      }
    }
  }
}

COLLIDE_MULTIVERSION void forward_relu(const Layer& layer, Lanes in, Lanes out, std::size_t groups) {
  product<false, Finish::kBiasRelu>(layer, layer.inputs, layer.outputs, in, out, groups);
}
COLLIDE_MULTIVERSION void forward_linear(const Layer& layer, Lanes in, Lanes out, std::size_t groups) {
  product<false, Finish::kBias>(layer, layer.inputs, layer.outputs, in, out, groups);
}
COLLIDE_MULTIVERSION void backward_masked(const Layer& layer, Lanes in, Lanes out, std::size_t groups) {
  product<true, Finish::kMask>(layer, layer.outputs, layer.inputs, in, out, groups);
}
COLLIDE_MULTIVERSION void backward_plain(const Layer& layer, Lanes in, Lanes out, std::size_t groups) {
  product<true, Finish::kPlain>(layer, layer.outputs, layer.inputs, in, out, groups);
}

using Quad = float __attribute__((vector_size(16), aligned(4), may_alias));

// The sums over the lanes of a, b, c and d.
COLLIDE_INLINE Quad lane_sums(Vec a, Vec b, Vec c, Vec d) {
  constexpr VecBits low32 = {0, 8, 1, 9, 4, 12, 5, 13}, high32 = {2, 10, 3, 11, 6, 14, 7, 15};
  constexpr VecBits low64 = {0, 1, 8, 9, 4, 5, 12, 13}, high64 = {2, 3, 10, 11, 6, 7, 14, 15};
  const Vec ab = __builtin_shuffle(a, b, low32) + __builtin_shuffle(a, b, high32);
  const Vec cd = __builtin_shuffle(c, d, low32) + __builtin_shuffle(c, d, high32);
  const Vec abcd = __builtin_shuffle(ab, cd, low64) + __builtin_shuffle(ab, cd, high64);
  return __builtin_shufflevector(abcd, abcd, 0, 1, 2, 3) + __builtin_shufflevector(abcd, abcd, 4, 5, 6, 7);
}

// gradient[i * pitch + k] += sum over all rows of a[i] * b[k], for I x K pairs of features whose accumulators (one sum
// for each of 8 lanes) stay in registers: per 8 rows I + K loads and I K fused multiply-adds.
template <int I, int K>
COLLIDE_INLINE void outer_tile(Lanes a, Lanes b, std::size_t groups, float* gradient, std::size_t pitch) {
  Vec sum[I][4] = {};
  for (std::size_t g = 0; g < groups; ++g) {
#pragma GCC unroll 2
    for (std::size_t half = 0; half < kLanes; half += kVec) {
      const float* from_a = a.data + g * a.group + half;
      const float* from_b = b.data + g * b.group + half;
      Vec left[I];
#pragma GCC unroll 4
      for (std::size_t i = 0; i < I; ++i) left[i] = load(from_a + i * a.stride);
#pragma GCC unroll 4
      for (std::size_t k = 0; k < K; ++k) {
        const Vec right = load(from_b + k * b.stride);
#pragma GCC unroll 4
        for (std::size_t i = 0; i < I; ++i) sum[i][k] += left[i] * right;
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < I; ++i) {
    const Quad sums = lane_sums(sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
    float* target = gradient + i * pitch;
    if constexpr (K == 4) {
      *reinterpret_cast<Quad*>(target) += sums;
    } else {
      for (int k = 0; k < K; ++k) target[k] += sums[k];
    }
  }
}

template <int I>
COLLIDE_INLINE void outer_tile(std::size_t width, Lanes a, Lanes b, std::size_t groups, float* gradient,
                               std::size_t pitch) {
  switch (width) {
    case 1: outer_tile<I, 1>(a, b, groups, gradient, pitch); break;
    case 2: outer_tile<I, 2>(a, b, groups, gradient, pitch); break;
    case 3: outer_tile<I, 3>(a, b, groups, gradient, pitch); break;
    default: outer_tile<I, 4>(a, b, groups, gradient, pitch); break;
  }
}

COLLIDE_MULTIVERSION void outer_products(Lanes a, std::size_t outputs, Lanes b, std::size_t inputs, std::size_t groups,
                                         float* gradient) {
  const Panels rows(outputs, 3), columns(inputs, 4);
  const std::size_t together = std::max<std::size_t>(1, kL1Share / (groups * kLanes * 4 * sizeof(float)));
  for (std::size_t first = 0; first < columns.count; first += together) {
    const std::size_t last = std::min(first + together, columns.count);
    for (std::size_t r = 0; r < rows.count; ++r) {
      const std::size_t i = rows.start(r);
      for (std::size_t c = first; c < last; ++c) {
        const std::size_t k = columns.start(c), width = columns.size(c);
        float* target = gradient + i * inputs + k;
        switch (rows.size(r)) {
          case 1: outer_tile<1>(width, a.from(i), b.from(k), groups, target, inputs); break;
          case 2: outer_tile<2>(width, a.from(i), b.from(k), groups, target, inputs); break;
          default: outer_tile<3>(width, a.from(i), b.from(k), groups, target, inputs); break;
        }
      }
    }
  }
}

COLLIDE_MULTIVERSION void row_sums(Lanes values, std::size_t features, std::size_t groups, float* sums) {
  for (std::size_t f = 0; f < features; ++f) {
    Vec sum[2] = {};
    for (std::size_t g = 0; g < groups; ++g) {
      sum[0] += load(values.at(f) + g * values.group);
      sum[1] += load(values.at(f) + g * values.group + kVec);
    }
    sums[f] += lane_sums(sum[0] + sum[1], Vec{}, Vec{}, Vec{})[0];
  }
}

}  // namespace

void layer_forward(const Layer& layer, Lanes input, Lanes output, std::size_t groups, bool relu) {
  (relu ? forward_relu : forward_linear)(layer, input, output, groups);
}

void layer_backward_input(const Layer& layer, Lanes output_gradient, Lanes input_gradient, std::size_t groups,
                          bool masked) {
  (masked ? backward_masked : backward_plain)(layer, output_gradient, input_gradient, groups);
}

void layer_backward_weights(const Layer& layer, Lanes output_gradient, Lanes input, std::size_t groups,
                            float* weights_gradient, float* bias_gradient) {
  outer_products(output_gradient, layer.outputs, input, layer.inputs, groups, weights_gradient);
  row_sums(output_gradient, layer.outputs, groups, bias_gradient);
}

void add_row_sums(Lanes values, std::size_t features, std::size_t groups, float* sums) {
  row_sums(values, features, groups, sums);
}

const char* gemm_library() { return "portable"; }
bool gemm_prefers_long_lanes(std::size_t, std::size_t) { return false; }

}  // namespace collide
