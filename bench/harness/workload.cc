#include "workload.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>

#include "core/support/error.h"
#include "core/support/random.h"
#include "cpu/support/thread_pool.h"

namespace collide::bench {

namespace {

// Batches that take turns: as many as have 2^21 ids together, but 8 to 64, or 4 of batches that are so large
// themselves.
std::size_t batches_for(std::size_t ids) {
  constexpr std::size_t kEnough = std::size_t{1} << 21;
  return ids > kEnough ? 4 : std::clamp<std::size_t>(kEnough / ids, 8, 64);
}

// Draws ranks 1..n with P(k) proportional to k^-exponent by rejection-inversion (Hoermann and Derflinger 1996): a few
// draws on average, whatever n is, and no table.
class Zipf {
 public:
  Zipf(std::uint64_t n, double exponent) : n_(static_cast<double>(n)), exponent_(exponent) {
    low_ = integral(1.5) - 1;
    high_ = integral(n_ + 0.5);
    shortcut_ = 2 - inverse(integral(2.5) - std::pow(2.0, -exponent));
  }

  template <typename Random>
  std::uint64_t operator()(Random&& random) const {
    for (;;) {
      const double u = high_ + random() * (low_ - high_);
      const double x = inverse(u);
      const double k = std::clamp(std::round(x), 1.0, n_);
      if (k - x <= shortcut_ || u >= integral(k + 0.5) - std::pow(k, -exponent_)) {
        return static_cast<std::uint64_t>(k);
      }
    }
  }

 private:
  double integral(double x) const { return (std::pow(x, 1 - exponent_) - 1) / (1 - exponent_); }
  double inverse(double y) const { return std::pow(1 + y * (1 - exponent_), 1 / (1 - exponent_)); }

  double n_, exponent_, low_, high_, shortcut_;
};

// A pseudo-random permutation of [0, n): four Feistel rounds over a square domain, walked until the value is below n.
class Permutation {
 public:
  Permutation(std::uint64_t n, std::uint64_t seed) : n_(n), seed_(seed), half_((std::bit_width(n - 1) + 1) / 2) {}

  std::uint64_t operator()(std::uint64_t x) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_) - 1;
    do {
      std::uint64_t left = x >> half_, right = x & mask;
      for (std::uint64_t round = 0; round < 4; ++round) {
        left ^= mix64(seed_ ^ mix64(right * 4 + round)) & mask;
        std::swap(left, right);
      }
      x = left << half_ | right;
    } while (x >= n_);
    return x;
  }

 private:
  std::uint64_t n_, seed_;
  int half_;
};

}  // namespace

Workload::Workload(Shape given) : shape(given) {
  if (shape.batches == 0) shape.batches = batches_for(shape.ids());
  for (std::size_t t = 0; t < shape.tables; ++t) {
    const double quantile = (static_cast<double>(t) + 0.5) / static_cast<double>(shape.tables);
    const double span = static_cast<double>(shape.most) / static_cast<double>(shape.least);
    heights.push_back(static_cast<std::uint64_t>(static_cast<double>(shape.least) * std::pow(span, quantile)));
  }
  for (std::size_t t = shape.tables; t > 1; --t) {
    std::swap(heights[t - 1], heights[high64(mix64(shape.seed ^ mix64(t)), t)]);
  }
  for (std::size_t bag = 0; bag <= shape.tables * shape.batch; ++bag) {
    offsets.push_back(static_cast<std::uint32_t>(bag * shape.pooling));
  }
  ids.assign(shape.batches, std::vector<std::uint32_t>(shape.ids()));
  const std::size_t n = shape.ids_per_table();
  parallel_for(shape.batches * shape.tables, 0, [&](std::size_t task) {
    const std::size_t table = task % shape.tables, batch = task / shape.tables;
    const Zipf zipf(heights[table], shape.exponent);
    const Permutation permutation(heights[table], mix64(shape.seed + table));
    std::uint64_t state = mix64(shape.seed ^ mix64(task + (std::uint64_t{1} << 32)));
    const auto random = [&] { return static_cast<double>((state = mix64(state)) >> 11) * 0x1p-53; };
    for (std::size_t i = 0; i < n; ++i) {
      ids[batch][table * n + i] = static_cast<std::uint32_t>(permutation(zipf(random) - 1));
    }
  });
}

void Workload::write(const std::string& path) const {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](const std::vector<std::uint32_t>& values) {
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(std::uint32_t)));
  };
  std::vector<std::uint32_t> head;
  for (std::size_t n : {shape.tables, shape.batch, shape.pooling, shape.width, shape.batches}) {
    head.push_back(static_cast<std::uint32_t>(n));
  }
  for (std::uint64_t height : heights) head.push_back(static_cast<std::uint32_t>(height));
  put(head);
  for (const auto& batch : ids) put(batch);
  file.close();
  if (!file) fail("FILE_ERROR", "Could not write the workload to ", path);
}

}  // namespace collide::bench
