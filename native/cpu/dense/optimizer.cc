#include "cpu/dense/optimizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "cpu/support/thread_pool.h"

#include "cpu/dense/simd.h"

namespace collide {

namespace {

constexpr std::size_t kPiece = 4096;
// Fewer parameters than this are stepped on the caller's thread: waking another one would take longer.
constexpr std::size_t kParallel = 65536;

using Kind = DenseOptimizerConfig::Kind;

// What a kernel needs to know of one piece, [0, count).
struct Arrays {
  float* weight;
  float* gradient;  // the first shard
  float* first;     // Adagrad: s. LAMB: m
  float* second;    // LAMB: v
  std::size_t count;
};

struct AddShards {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, std::size_t shards, std::size_t pitch) {
    for (std::size_t s = 1; s < shards; ++s) {
      const float* other = a.gradient + s * pitch;
#pragma GCC ivdep
      for (std::size_t i = 0; i < a.count; ++i) a.gradient[i] += other[i];
    }
  }
};

// The next state of value i, and its update, which the learning rate and the trust ratio scale.
struct Next {
  float first, second, update;
};

template <Kind kKind>
COLLIDE_INLINE Next next(const Arrays& a, const DenseRates& r, std::size_t i) {
  const float g = a.gradient[i];
  if constexpr (kKind == Kind::kSgd) return {0, 0, g};
  if constexpr (kKind == Kind::kAdagrad) {
    const float s = a.first[i] + g * g;
    return {s, 0, g / (std::sqrt(s) + r.epsilon)};
  }
  if constexpr (kKind == Kind::kLamb) {
    const float m = r.beta1 * a.first[i] + r.rest1 * g;
    const float v = r.beta2 * a.second[i] + r.rest2 * g * g;
    return {m, v, m * r.correct1 / (std::sqrt(v * r.correct2) + r.epsilon) + r.decay * a.weight[i]};
  }
}

// Looks before anything is written: the squared norms of weights and updates in float64, the latter NaN or infinite if
// a part of the next state is, and whether there is a gradient at all.
template <Kind kKind>
struct Measure {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, const DenseRates& r, double* weight_norm, double* update_norm,
                                 bool* any) {
    constexpr std::size_t kRun = 512;
    alignas(64) float update[kRun];
    double updates = 0;
    std::uint32_t bits = 0;
    for (std::size_t begin = 0; begin < a.count; begin += kRun) {
      const std::size_t count = std::min(kRun, a.count - begin);
#pragma GCC ivdep
      for (std::size_t i = 0; i < count; ++i) {
        const Next n = next<kKind>(a, r, begin + i);
        update[i] = n.update + 0.0f * (n.first + n.second);
        bits |= std::bit_cast<std::uint32_t>(a.gradient[begin + i]) << 1;  // 0 for 0 and -0
      }
      updates += squares(update, count);
    }
    *weight_norm = squares(a.weight, a.count);
    *update_norm = updates;
    *any = bits != 0;
  }

  static COLLIDE_INLINE double squares(const float* x, std::size_t count) {
    double lanes[8] = {};
    for (std::size_t i = 0; i + 8 <= count; i += 8) {
      for (std::size_t l = 0; l < 8; ++l) lanes[l] += static_cast<double>(x[i + l]) * x[i + l];
    }
    double sum = 0;
    for (const double lane : lanes) sum += lane;
    for (std::size_t i = count / 8 * 8; i < count; ++i) sum += static_cast<double>(x[i]) * x[i];
    return sum;
  }
};

// scale: learning rate times trust ratio.
template <Kind kKind>
struct Apply {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, const DenseRates& r, float scale) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < a.count; ++i) {
      const Next n = next<kKind>(a, r, i);
      if constexpr (kKind != Kind::kSgd) a.first[i] = n.first;
      if constexpr (kKind == Kind::kLamb) a.second[i] = n.second;
      a.weight[i] -= scale * n.update;
    }
  }
};

}  // namespace

DenseOptimizer::DenseOptimizer(const DenseOptimizerConfig& config, const std::vector<std::size_t>& tensors,
                               unsigned threads)
    : config_(config), threads_(threads), tensors_(tensors.size()) {
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    for (std::size_t at = 0; at < tensors[t]; at += kPiece) {
      pieces_.push_back({t, parameters_ + at, parameters_ + std::min(at + kPiece, tensors[t])});
    }
    parameters_ += tensors[t];
  }
  if (parameters_ < kParallel) threads_ = 1;
  measured_.resize(pieces_.size());
  idle_.resize(tensors_);
  state_ = Memory(dense_state_size(config, parameters_) * sizeof(float), "the dense net's optimizer state");
}

bool DenseOptimizer::step(float* parameters, float* gradients, std::size_t shards, std::size_t pitch) {
  switch (config_.kind) {
    case Kind::kSgd:
      return step_of<Kind::kSgd>(parameters, gradients, shards, pitch);
    case Kind::kAdagrad:
      return step_of<Kind::kAdagrad>(parameters, gradients, shards, pitch);
    default:
      return step_of<Kind::kLamb>(parameters, gradients, shards, pitch);
  }
}

template <Kind kKind>
bool DenseOptimizer::step_of(float* parameters, float* gradients, std::size_t shards, std::size_t pitch) {
  float* const counted = kKind == Kind::kLamb ? &state()[2 * parameters_] : nullptr;
  const float steps = counted == nullptr ? 0 : std::min(*counted + 1, kMostDenseSteps);
  const DenseRates rates = dense_rates(config_, steps);
  const auto arrays = [&](const Piece& piece) {
    float* const first = kKind == Kind::kSgd ? nullptr : state() + piece.begin;
    float* const second = kKind == Kind::kLamb ? state() + parameters_ + piece.begin : nullptr;
    return Arrays{parameters + piece.begin, gradients + piece.begin, first, second, piece.end - piece.begin};
  };
  parallel_for(pieces_.size(), threads_, [&](std::size_t p) {
    const Arrays a = arrays(pieces_[p]);
    Measured& m = measured_[p];
    dispatch<AddShards>(a, shards, pitch);
    dispatch<Measure<kKind>>(a, rates, &m.weight_norm, &m.update_norm, &m.any_gradient);
  });
  std::vector<Measured> tensors(tensors_);
  for (std::size_t p = 0; p < pieces_.size(); ++p) {
    Measured& tensor = tensors[pieces_[p].tensor];
    tensor.weight_norm += measured_[p].weight_norm;
    tensor.update_norm += measured_[p].update_norm;
    tensor.any_gradient = tensor.any_gradient || measured_[p].any_gradient;
  }
  std::vector<float> scales(tensors_);
  for (std::size_t t = 0; t < tensors_; ++t) {
    const double w = std::sqrt(tensors[t].weight_norm), r = std::sqrt(tensors[t].update_norm);
    const double trust = kKind == Kind::kLamb && w > 0 && r > 0 ? std::min<double>(w / r, kMostTrust) : 1.0;
    const double scale = config_.learning_rate * trust;
    if (!(w + scale * r <= std::numeric_limits<float>::max())) return false;
    scales[t] = static_cast<float>(scale);
  }
  parallel_for(pieces_.size(), threads_,
               [&](std::size_t p) { dispatch<Apply<kKind>>(arrays(pieces_[p]), rates, scales[pieces_[p].tensor]); });
  for (std::size_t t = 0; t < tensors_; ++t) {
    idle_[t] = tensors[t].any_gradient ? 0 : std::min(idle_[t] + 1, kMostDenseSteps);
  }
  if (counted != nullptr) *counted = steps;
  return true;
}

}  // namespace collide
