// The two searches behind optimal_bins.h, over distinct values in ascending order. A partition is the ends of its bins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/clustering/optimal_bins.h"

namespace collide {

class OptimalPartition {
 public:
  using Path = std::vector<std::uint32_t>;  // ends of the bins, ascending; the last one is the number of values

  explicit OptimalPartition(std::size_t values) { values_.reserve(values), weights_.reserve(values); }

  void add(double value, double weight) { values_.push_back(value), weights_.push_back(weight); }
  // After the last add.
  void prepare();

  // Both: 1 <= bins < values; empty when aborted, which is looked for every few thousand values.
  Path by_layers(std::uint64_t bins, const LearnerControl& control) const;
  Path by_lagrangian(std::uint64_t bins, const LearnerControl& control) const;

 private:
  using Real = long double;

  struct Layer;  // of the search by layers

  Real cost(std::size_t begin, std::size_t end) const {
    const Sums &a = sums_[begin], &b = sums_[end];
    const Real weight = b.weight - a.weight, first = b.first - a.first, second = b.second - a.second;
    if (!(weight > 0)) return 0;
    const Real error = second - first * first / weight;
    return error > 0 ? error : 0;
  }

  void fill(Layer& layer, std::size_t from, std::size_t to, std::size_t least, std::size_t most) const;
  // The best partition of any number of bins that cost `lambda` each; empty when aborted.
  Path penalised(Real lambda, const LearnerControl& control) const;
  static Path spliced(const Path& fewer, const Path& more, std::uint64_t bins);

  struct Sums {
    Real weight = 0, first = 0, second = 0;  // of w, w x, w x^2
  };
  std::vector<double> values_, weights_;
  std::vector<Sums> sums_;  // of the values before
};

}  // namespace collide
