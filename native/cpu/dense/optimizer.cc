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

// What a kernel needs to know of one piece, [0, count).
struct Arrays {
  float* weight;
  float* gradient;  // the first shard
  float* state;     // the first; the next is `states` floats further on
  std::size_t states, count;
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

// The update of value i, which the learning rate and the trust ratio scale, and its next state.
template <typename Kind>
struct Next {
  float update;
  float state[Kind::kStates + 1];

  COLLIDE_INLINE Next(const Arrays& a, const typename Kind::Step& step, std::size_t i) {
    for (int s = 0; s < Kind::kStates; ++s) state[s] = a.state[s * a.states + i];
    update = Kind::update(step, a.weight[i], a.gradient[i], state);
  }
};

// Looks before anything is written: the squared norms of weights and updates in float64, the latter NaN or infinite if
// a part of the next state is, and whether there is a gradient at all.
template <typename Kind>
struct Measure {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, const typename Kind::Step& step, double* weight_norm,
                                 double* update_norm, bool* any) {
    constexpr std::size_t kRun = 512;
    alignas(64) float update[kRun];
    double updates = 0;
    std::uint32_t bits = 0;
    for (std::size_t begin = 0; begin < a.count; begin += kRun) {
      const std::size_t count = std::min(kRun, a.count - begin);
#pragma GCC ivdep
      for (std::size_t i = 0; i < count; ++i) {
        const Next<Kind> next(a, step, begin + i);
        float states = 0;
        for (int s = 0; s < Kind::kStates; ++s) states += next.state[s];
        update[i] = next.update + 0.0f * states;
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
template <typename Kind>
struct Apply {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Arrays& a, const typename Kind::Step& step, float scale) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < a.count; ++i) {
      const Next<Kind> next(a, step, i);
      for (int s = 0; s < Kind::kStates; ++s) a.state[s * a.states + i] = next.state[s];
      a.weight[i] -= scale * next.update;
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
  return std::visit([&](const auto& kind) { return step_of(kind, parameters, gradients, shards, pitch); },
                    config_.kind);
}

template <typename Kind>
bool DenseOptimizer::step_of(const Kind& kind, float* parameters, float* gradients, std::size_t shards,
                             std::size_t pitch) {
  float* const counted = Kind::kCountsSteps ? &state()[Kind::kStates * parameters_] : nullptr;
  const float steps = counted == nullptr ? 0 : std::min(*counted + 1, kMostDenseSteps);
  const typename Kind::Step step = kind.step(steps);
  const auto arrays = [&](const Piece& piece) {
    float* const states = Kind::kStates > 0 ? state() + piece.begin : nullptr;
    return Arrays{parameters + piece.begin, gradients + piece.begin, states, parameters_, piece.end - piece.begin};
  };
  parallel_for(pieces_.size(), threads_, [&](std::size_t p) {
    const Arrays a = arrays(pieces_[p]);
    Measured& m = measured_[p];
    dispatch<AddShards>(a, shards, pitch);
    dispatch<Measure<Kind>>(a, step, &m.weight_norm, &m.update_norm, &m.any_gradient);
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
    const double scale = config_.learning_rate * Kind::trust(w, r);
    if (!(w + scale * r <= std::numeric_limits<float>::max())) return false;
    scales[t] = static_cast<float>(scale);
  }
  parallel_for(pieces_.size(), threads_,
               [&](std::size_t p) { dispatch<Apply<Kind>>(arrays(pieces_[p]), step, scales[pieces_[p].tensor]); });
  for (std::size_t t = 0; t < tensors_; ++t) {
    idle_[t] = tensors[t].any_gradient ? 0 : std::min(idle_[t] + 1, kMostDenseSteps);
  }
  if (counted != nullptr) *counted = steps;
  return true;
}

}  // namespace collide
