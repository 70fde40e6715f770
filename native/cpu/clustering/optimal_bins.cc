#include "cpu/clustering/optimal_bins.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/support/error.h"
#include "cpu/clustering/key_sort.h"
#include "cpu/clustering/optimal_partition.h"

namespace collide {

namespace {

constexpr std::uint64_t kMostStates = std::uint64_t{1} << 22;  // (bins, end) of the search by layers

void check_input(const std::vector<double>& values, const std::vector<double>& weights, std::uint64_t rows) {
  if (values.empty() || values.size() > std::numeric_limits<std::uint32_t>::max() || values.size() != weights.size()) {
    fail("INVALID_ARGUMENT", "Expected as many weights as values, 1 to 2^32 - 1, received ", weights.size(), " and ",
         values.size());
  }
  if (rows < 1) fail("INVALID_ARGUMENT", "Expected rows >= 1, received ", rows);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      fail("INVALID_ARGUMENT", "Expected finite numbers for values, received ", values[i], " at index ", i);
    }
    if (!(weights[i] >= 0 && std::isfinite(weights[i]))) {
      fail("INVALID_ARGUMENT", "Expected finite numbers from 0 for weights, received ", weights[i], " at index ", i);
    }
  }
}

// Weighted squared distances of the ids order[begin .. end) to their weighted mean.
double error_of(const std::vector<double>& values, const std::vector<double>& weights,
                const std::vector<std::uint32_t>& order, std::size_t begin, std::size_t end) {
  double total = 0, sum = 0, error = 0;
  const double base = values[order[begin]];
  for (std::size_t k = begin; k < end; ++k) {
    total += weights[order[k]];
    sum += weights[order[k]] * (values[order[k]] - base);
  }
  const double mean = total > 0 ? sum / total : 0;
  for (std::size_t k = begin; k < end; ++k) {
    const double difference = values[order[k]] - base - mean;
    error += weights[order[k]] * difference * difference;
  }
  return error;
}

}  // namespace

OptimalBins optimal_bins(const std::vector<double>& values, const std::vector<double>& weights, std::uint64_t rows,
                         const LearnerControl& control, BinSearch search) {
  check_input(values, weights, rows);
  const std::size_t n = values.size();
  rows = std::min<std::uint64_t>(rows, n);
  std::vector<std::uint32_t> order(n);
  {
    KeyedIds sorted(n);
    sorted.fill(values, 1);
    if (!sorted.sort(Ties::kById, 1, control.aborted)) return {};
    for (std::size_t k = 0; k < n; ++k) order[k] = sorted[k].id;
  }
  std::vector<std::size_t> groups;  // where each distinct value begins in `order`, and the end
  for (std::size_t k = 0; k < n; ++k) {
    if (k == 0 || values[order[k]] != values[order[k - 1]]) groups.push_back(k);
  }
  const std::size_t distinct = groups.size();
  groups.push_back(n);

  std::vector<std::size_t> ends;  // of the bins, in `order`
  if (rows >= distinct) {
    std::uint64_t spare = rows - distinct;
    for (std::size_t g = 0; g < distinct; ++g) {
      for (std::size_t k = groups[g] + 1; k < groups[g + 1] && spare > 0; ++k, --spare) ends.push_back(k);
      ends.push_back(groups[g + 1]);
    }
  } else {
    OptimalPartition partition(distinct);
    for (std::size_t g = 0; g < distinct; ++g) {
      double weight = 0;
      for (std::size_t k = groups[g]; k < groups[g + 1]; ++k) weight += weights[order[k]];
      partition.add(values[order[groups[g]]], weight);
    }
    partition.prepare();
    const bool small =
        search == BinSearch::kLayers || (search == BinSearch::kAutomatic && rows * distinct < kMostStates);
    const auto cuts = small ? partition.by_layers(rows, control) : partition.by_lagrangian(rows, control);
    if (cuts.empty()) return {};  // aborted
    for (const std::uint32_t cut : cuts) ends.push_back(groups[cut]);
  }

  if (control.progress) control.progress(1, static_cast<double>(ends.size()));
  OptimalBins result;
  result.assignment.resize(n);
  std::size_t begin = 0;
  for (std::size_t bin = 0; bin < ends.size(); ++bin) {
    for (std::size_t k = begin; k < ends[bin]; ++k) result.assignment[order[k]] = static_cast<std::uint32_t>(bin);
    result.cost += error_of(values, weights, order, begin, ends[bin]);
    begin = ends[bin];
  }
  return result;
}

}  // namespace collide
