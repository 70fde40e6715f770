#include "cpu/clustering/optimal_partition.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>

namespace collide {

namespace {

constexpr std::size_t kPollEvery = 1 << 12;  // values

bool stopped(const LearnerControl& control) {
  return control.aborted && control.aborted();
}

}  // namespace

void OptimalPartition::prepare() {
  Real total = 0, sum = 0;
  for (std::size_t k = 0; k < values_.size(); ++k) {
    total += weights_[k];
    sum += Real{weights_[k]} * values_[k];
  }
  const Real mean = total > 0 ? sum / total : 0;
  sums_.resize(values_.size() + 1);
  for (std::size_t k = 0; k < values_.size(); ++k) {
    const Real x = values_[k] - mean, w = weights_[k];
    sums_[k + 1] = {sums_[k].weight + w, sums_[k].first + w * x, sums_[k].second + w * x * x};
  }
}

// best[end]: least cost of the first `end` values in the bins so far; before: the same with one bin less.
struct OptimalPartition::Layer {
  const std::vector<Real>& before;
  std::vector<Real>& best;
  std::uint32_t* begins;  // [values + 1] where the last bin begins
  const LearnerControl& control;
};

// Ends `from` to `to`, whose last bins begin at `least` to `most`.
void OptimalPartition::fill(Layer& layer, std::size_t from, std::size_t to, std::size_t least, std::size_t most) const {
  if (from > to || (to - from >= kPollEvery && stopped(layer.control))) return;
  const std::size_t end = from + (to - from) / 2;
  Real best = std::numeric_limits<Real>::infinity();
  std::size_t begin = least;
  for (std::size_t i = least; i <= std::min(most, end - 1); ++i) {
    const Real candidate = layer.before[i] + cost(i, end);
    if (candidate < best) best = candidate, begin = i;
  }
  layer.best[end] = best;
  layer.begins[end] = static_cast<std::uint32_t>(begin);
  fill(layer, from, end - 1, least, begin);
  fill(layer, end + 1, to, begin, most);
}

OptimalPartition::Path OptimalPartition::by_layers(std::uint64_t bins, const LearnerControl& control) const {
  const std::size_t n = values_.size();
  std::vector<Real> before(n + 1), best(n + 1);
  std::vector<std::uint32_t> begins(bins * (n + 1));
  for (std::size_t end = 1; end <= n; ++end) best[end] = cost(0, end);
  for (std::uint64_t bin = 1; bin < bins; ++bin) {
    std::swap(before, best);
    // The first bins + 1 values at least: every bin has one.
    Layer layer{before, best, &begins[bin * (n + 1)], control};
    fill(layer, bin + 1, n, bin, n - 1);
    if (stopped(control)) return {};
    if (control.progress) {
      control.progress(static_cast<double>(bin) / static_cast<double>(bins), static_cast<double>(bin + 1));
    }
  }
  Path ends(bins);
  auto end = static_cast<std::uint32_t>(n);
  for (std::uint64_t bin = bins; bin-- > 0;) {
    ends[bin] = end;
    end = begins[bin * (n + 1) + end];
  }
  return ends;
}

OptimalPartition::Path OptimalPartition::penalised(Real lambda, const LearnerControl& control) const {
  const std::size_t n = values_.size();
  std::vector<Real> best(n + 1);
  std::vector<std::uint32_t> begins(n + 1);
  // Where the last bin begins, for ends first .. last; the candidates ascend in all three.
  struct Range {
    std::size_t begin, first, last;
  };
  std::deque<Range> candidates = {{0, 1, n}};
  const auto value = [&](std::size_t begin, std::size_t end) { return best[begin] + cost(begin, end); };
  for (std::size_t end = 1; end <= n; ++end) {
    if (end % kPollEvery == 0 && stopped(control)) return {};
    while (candidates.front().last < end) candidates.pop_front();
    begins[end] = static_cast<std::uint32_t>(candidates.front().begin);
    best[end] = value(begins[end], end) + lambda;
    // `end` itself as a beginning wins from some point on, if at all.
    while (candidates.back().first > end &&
           value(end, candidates.back().first) < value(candidates.back().begin, candidates.back().first)) {
      candidates.pop_back();
    }
    Range& last = candidates.back();
    const auto wins = [&](std::size_t at) { return value(end, at) < value(last.begin, at); };
    // The answer, or n + 1: never. Most are a few bins away: doubling steps find it sooner than halves of all.
    std::size_t low = std::max(last.first, end + 1), high = low;
    for (std::size_t step = 4; high <= n && !wins(high); step *= 2) low = high + 1, high = std::min(high + step, n + 1);
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (wins(middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    if (low > n) continue;
    last.last = low - 1;
    candidates.push_back({end, low, n});
  }
  Path ends;
  for (auto end = static_cast<std::uint32_t>(n); end > 0; end = begins[end]) ends.push_back(end);
  std::reverse(ends.begin(), ends.end());
  return ends;
}

// Two partitions that are optimal for one lambda give one with any number of bins between. With s = bins - fewer there
// is a bin of `more` within the (j+1)-th bin of `fewer` that is its (j+s+1)-th; follow `more` to that bin's beginning,
// end it where the bin of `fewer` ends, and go on with `fewer`. By the quadrangle inequality that is optimal as well
// (Aggarwal, Schieber and Tokuyama 1994).
OptimalPartition::Path OptimalPartition::spliced(const Path& fewer, const Path& more, std::uint64_t bins) {
  const std::size_t shift = bins - fewer.size();
  std::size_t j = 0;
  while (fewer[j] < more[j + shift]) ++j;
  Path ends(more.begin(), more.begin() + static_cast<std::ptrdiff_t>(j + shift));
  ends.insert(ends.end(), fewer.begin() + static_cast<std::ptrdiff_t>(j), fewer.end());
  return ends;
}

OptimalPartition::Path OptimalPartition::by_lagrangian(std::uint64_t bins, const LearnerControl& control) const {
  const std::size_t n = values_.size();
  Path fewer = {static_cast<std::uint32_t>(n)};  // one bin: optimal for every lambda from `high` on
  Path more(n);                                  // all values apart: optimal for `low` = 0
  std::iota(more.begin(), more.end(), 1u);
  if (bins == 1) return fewer;
  Real low = 0, high = cost(0, n);
  const Real least = high * 1e-30L;  // below it only values without weight are left to part
  for (int step = 1; std::nextafter(low, high) < high; ++step) {
    // The number of bins is about a power of lambda: interpolate, and halve every other time to be sure of an end.
    Real lambda = low + (high - low) / 2;
    if (low == 0) {
      lambda = high / 64;
    } else if (high > 2 * low || step % 2 == 0) {
      const Real span = std::log(static_cast<Real>(more.size()) / static_cast<Real>(fewer.size()));
      const Real share = std::log(static_cast<Real>(more.size()) / static_cast<Real>(bins)) / span;
      lambda = low * std::pow(high / low, std::clamp(share, Real{0.05L}, Real{0.95L}));
    }
    if (!(lambda > low && lambda < high && lambda > least)) break;
    Path path = penalised(lambda, control);
    if (path.empty()) return {};
    if (control.progress) control.progress(share_of_search(step), static_cast<double>(path.size()));
    if (path.size() == bins) return path;
    if (path.size() < bins) {
      fewer = std::move(path);
      high = lambda;
    } else {
      more = std::move(path);
      low = lambda;
    }
  }
  return spliced(fewer, more, bins);
}

}  // namespace collide
