// Backward of a table whose work is split over threads (cpu/embedding/backward.h), where runs of equal rows begin and
// end at, before and behind the places where tasks meet: chunks of 8,192 sorted entries, pieces of 4,096 gradients,
// sorting tasks of 32,768. Gradients are small whole numbers, so that every sum is exact and a plain loop is the
// reference.
#include "cpu/embedding/backward.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "checks.h"
#include "core/hashing/hash_function.h"
#include "core/support/random.h"
#include "cpu/embedding/row_sort.h"

namespace {

using namespace collide;
using checks::check;

const EmbeddingOptimizer kPapers = embedding_optimizers::RowwiseAdagrad{.epsilon = 1e-8f, .weight_decay = 0};
constexpr std::size_t kChunk = 8192, kSortChunk = 32768, kWidth = 2;
constexpr unsigned kThreads = 3;

// A batch of one id per bag: runs[k] ids of row k in an order by chance; those of the last run are pruned if `prunes`.
struct Batch {
  Feature feature;
  std::vector<std::uint32_t> rows, offsets;
  std::vector<float> gradient, weights;
  std::size_t table_rows;

  Batch(const std::vector<std::size_t>& runs, bool prunes, bool weighted) : table_rows(runs.size() - (prunes ? 1 : 0)) {
    for (std::size_t row = 0; row < runs.size(); ++row) {
      rows.insert(rows.end(), runs[row], row < table_rows ? static_cast<std::uint32_t>(row) : kPruned);
    }
    for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[mix64(i) % i]);
    for (std::size_t i = 0; i <= rows.size(); ++i) offsets.push_back(static_cast<std::uint32_t>(i));
    for (std::size_t i = 0; i < rows.size() * kWidth; ++i) {
      gradient.push_back(static_cast<float>(mix64(i + 1) % 9) - 4);
    }
    if (weighted) weights.assign(rows.size(), 0.5f);
    feature.dim = kWidth;
    feature.cardinality = table_rows;
  }

  // The table after a step of `kind` from zeros with rate 1, on so many threads (0: not split), then its state.
  std::vector<float> stepped(const EmbeddingOptimizer& kind, unsigned threads) const {
    const OptimizerSettings settings{kind, 1};
    InternalTable table;
    table.rows = table_rows;
    table.width = kWidth;
    table.bytes_per_row = kWidth * sizeof(float);
    table.state_per_row = settings.state_per_row(kWidth);
    table.counts = true;
    table.weights = Memory(table_rows * table.bytes_per_row, "rows");
    table.state = Memory(table_rows * table.state_stride() * sizeof(float), "state");
    TableGradient task{&table, 1, gradient.data(), true, {}, rows.size(), !weights.empty()};
    task.sources.push_back({&feature, rows.data(), offsets.data(), weights.empty() ? nullptr : weights.data(),
                            rows.size(), 0, kWidth, 0, false});
    const OptimizerStep step = settings.step(1);
    threads == 0 ? apply_gradient(task, step) : apply_gradient(task, step, threads);
    std::vector<float> values(table_rows * kWidth);
    table.read_values(0, table_rows, values.data());
    for (std::size_t row = 0; row < table_rows; ++row) {
      if (table.state_per_row > 0) values.push_back(table.state_of(row)[0]);
      values.push_back(static_cast<float>(table.counter(row)));
    }
    return values;
  }

  std::vector<float> expected() const {
    std::vector<double> sums(table_rows * kWidth), counts(table_rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] == kPruned) continue;
      ++counts[rows[i]];
      const double weight = weights.empty() ? 1 : weights[i];
      for (std::size_t j = 0; j < kWidth; ++j) sums[rows[i] * kWidth + j] -= weight * gradient[i * kWidth + j];
    }
    sums.insert(sums.end(), counts.begin(), counts.end());
    return {sums.begin(), sums.end()};
  }
};

void compare(const std::vector<std::size_t>& runs, bool prunes, bool weighted, const std::string& what) {
  const Batch batch(runs, prunes, weighted);
  check(batch.stepped(embedding_optimizers::Sgd{}, kThreads) == batch.expected(), what + ": the sums of a plain loop");
  check(batch.stepped(kPapers, kThreads) == batch.stepped(kPapers, 0), what + ": the bits of one thread");
}

// A run of `length` entries that begins at sorted place `start`, what is before it, and `after` runs of one behind it.
void long_runs() {
  int number = 0;
  for (const std::size_t chunk : {kChunk, 2 * kChunk}) {
    for (const int apart : {-4097, -4096, -4095, -1, 0, 1, 4096}) {
      for (const std::size_t length :
           {std::size_t{4096}, std::size_t{4097}, kChunk - 1, kChunk, kChunk + 1, 2 * kChunk}) {
        const std::size_t start = chunk + static_cast<std::size_t>(apart);
        // Before it: runs of one, a run as long as that, or both kinds.
        const std::size_t whole = number % 3 == 0 ? 0 : number % 3 == 1 ? start : 4097;
        std::vector<std::size_t> runs(start < whole ? start : start - whole, 1);
        if (start >= whole && whole > 0) runs.push_back(whole);
        runs.push_back(length);
        const bool prunes = number % 4 == 3;
        if (!prunes) runs.insert(runs.end(), static_cast<std::size_t>(number % 2), 1);
        compare(
            runs, prunes, number % 5 == 4,
            "a run of " + std::to_string(length) + " at " + std::to_string(start) + ", case " + std::to_string(number));
        ++number;
      }
    }
  }
}

// Several long runs that meet where chunks do, one behind the other.
void neighbours() {
  compare({kChunk, kChunk, kChunk}, false, false, "runs of whole chunks");
  compare({kChunk, kChunk, kChunk}, true, false, "runs of whole chunks, the last pruned");
  compare({3 * kChunk}, false, false, "one run of three chunks");
  compare({0, 3 * kChunk}, true, true, "nothing but pruned ids");
  compare({4097, 4095, 4097, 4095, 4097}, false, true, "runs around half a chunk");
  compare({1, kChunk - 1, 1, kChunk - 1, kChunk}, false, false, "a single entry before each end");
  compare(std::vector<std::size_t>(4 * kChunk, 1), false, false, "no run at all");
  compare(std::vector<std::size_t>(4 * kChunk + 1, 1), true, true, "no run, the last entry pruned");
}

template <typename Entry>
void sorts() {
  for (const std::size_t n : {kSortChunk - 1, kSortChunk, kSortChunk + 1, 2 * kSortChunk, 2 * kSortChunk + 1}) {
    for (const std::uint64_t most : {1ull, 2047ull, 2048ull, 4000000000ull}) {
      std::vector<Entry> entries(n), spare(n);  // apart, so that a sanitizer sees the end of each
      for (std::size_t i = 0; i < n; ++i) {
        entries[i].row = static_cast<std::uint32_t>(mix64(i) % (most + 1));
        entries[i].source = static_cast<std::uint32_t>(i);
      }
      std::vector<Entry> expected = entries;
      std::stable_sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.row < b.row; });
      const Entry* sorted = sort_by_row(entries.data(), spare.data(), n, most, kThreads);
      check(std::equal(expected.begin(), expected.end(), sorted,
                       [](auto& a, auto& b) { return a.row == b.row && a.source == b.source; }),
            "a sort of " + std::to_string(n) + " entries up to " + std::to_string(most));
    }
  }
}

}  // namespace

int main() {
  long_runs();
  neighbours();
  sorts<RowEntry>();
  sorts<WeightedRowEntry>();
  return checks::summary();
}
