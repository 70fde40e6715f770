#include "cpu/dense_optimizer.h"

#include <algorithm>
#include <cmath>

#include "cpu/thread_pool.h"

#include "cpu/dense_simd.h"

namespace collide {

namespace {

constexpr std::size_t kPiece = 4096;
// Fewer parameters than this are stepped on the caller's thread: waking another one would take longer.
constexpr std::size_t kParallel = 65536;

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

struct Sgd {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, const DenseRates& r) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < a.count; ++i) a.weight[i] -= r.rate * a.gradient[i];
  }
};

struct Adagrad {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, const DenseRates& r) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < a.count; ++i) {
      const float g = a.gradient[i];
      const float s = a.first[i] + g * g;
      a.first[i] = s;
      a.weight[i] -= r.rate * g / (std::sqrt(s) + r.epsilon);
    }
  }
};

// Moments; leaves the update r in place of the gradient, and the squared norms of w and r in float64.
struct LambUpdate {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, const DenseRates& r, double* weight_norm, double* update_norm) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < a.count; ++i) {
      const float g = a.gradient[i];
      const float m = r.beta1 * a.first[i] + r.rest1 * g;
      const float v = r.beta2 * a.second[i] + r.rest2 * g * g;
      a.first[i] = m;
      a.second[i] = v;
      a.gradient[i] = m * r.correct1 / (std::sqrt(v * r.correct2) + r.epsilon) + r.decay * a.weight[i];
    }
    *weight_norm = squares(a.weight, a.count);
    *update_norm = squares(a.gradient, a.count);
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

struct Subtract {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, float scale) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < a.count; ++i) a.weight[i] -= scale * a.gradient[i];
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
  weight_norms_.resize(pieces_.size());
  update_norms_.resize(pieces_.size());
  state_ = Memory(dense_state_size(config, parameters_) * sizeof(float), "the dense net's optimizer state");
}

void DenseOptimizer::step(float* parameters, float* gradients, std::size_t shards, std::size_t pitch) {
  using Kind = DenseOptimizerConfig::Kind;
  float steps = 0;
  if (config_.kind == Kind::kLamb) {
    float& counted = state()[2 * parameters_];
    steps = counted = std::min(counted + 1, kMostDenseSteps);
  }
  const DenseRates rates = dense_rates(config_, steps);
  const auto arrays = [&](const Piece& piece) {
    float* const first = config_.kind == Kind::kSgd ? nullptr : state() + piece.begin;
    float* const second = config_.kind == Kind::kLamb ? state() + parameters_ + piece.begin : nullptr;
    return Arrays{parameters + piece.begin, gradients + piece.begin, first, second, piece.end - piece.begin};
  };
  parallel_for(pieces_.size(), threads_, [&](std::size_t p) {
    const Arrays a = arrays(pieces_[p]);
    dispatch<AddShards>(a, shards, pitch);
    switch (config_.kind) {
      case Kind::kSgd:
        dispatch<Sgd>(a, rates);
        break;
      case Kind::kAdagrad:
        dispatch<Adagrad>(a, rates);
        break;
      case Kind::kLamb:
        dispatch<LambUpdate>(a, rates, &weight_norms_[p], &update_norms_[p]);
        break;
    }
  });
  if (config_.kind != Kind::kLamb) return;
  std::vector<double> weight(tensors_), update(tensors_);
  for (std::size_t p = 0; p < pieces_.size(); ++p) {
    weight[pieces_[p].tensor] += weight_norms_[p];
    update[pieces_[p].tensor] += update_norms_[p];
  }
  parallel_for(pieces_.size(), threads_, [&](std::size_t p) {
    const double w = weight[pieces_[p].tensor], r = update[pieces_[p].tensor];
    const double trust = w > 0 && r > 0 ? std::sqrt(w) / std::sqrt(r) : 1.0;
    dispatch<Subtract>(arrays(pieces_[p]), static_cast<float>(config_.learning_rate * trust));
  });
}

}  // namespace collide
