#include "cpu/embedding/frequent_rows.h"

#include <algorithm>

#include "core/support/multiversion.h"
#include "cpu/embedding/gradient_sum.h"

namespace collide {

namespace {

constexpr std::size_t kBytes = 128 << 10;                     // of sums: a part of a second-level cache
constexpr std::size_t kAhead = 32;                            // entries that a prefetch is ahead of its use
constexpr std::uint32_t kMostHits = 256;                      // of a row in the sample that are told apart
constexpr std::uint32_t kParts = kGradientPiece / kFloatRun;  // of a piece

// Where the gradients of the slots are summed.
struct Sums {
  std::uint32_t* counts;  // gradients so far, [slots]
  std::size_t slots, width;
  float* parts;  // [slots, width]
  double *pieces, *all;

  Sums from(std::size_t column) const { return {counts, slots, width, parts + column, pieces + column, all + column}; }
};

// The sums' first kBlock columns.
template <int kBlock>
struct BlockSums : Sums {
  void clear() const {
    std::fill_n(counts, slots, 0u);
    for (std::size_t slot = 0; slot < slots; ++slot) std::fill_n(parts + slot * width, kBlock, -0.0f);
  }

  // Adds what is the slot's n-th part to its piece, and a piece that is whole or the last to the sum of all.
  void end_part(std::size_t slot, std::uint32_t n, bool last) const {
    float* const part = parts + slot * width;
    double *const piece = pieces + slot * width, *const sum = all + slot * width;
    for (int j = 0; j < kBlock; ++j) piece[j] = (n % kParts == 0 ? 0.0 : piece[j]) + part[j];
    if (last || n % kParts == kParts - 1) {
      for (int j = 0; j < kBlock; ++j) sum[j] = (n < kParts ? 0.0 : sum[j]) + piece[j];
    }
    for (int j = 0; j < kBlock; ++j) part[j] = last ? static_cast<float>(sum[j]) : -0.0f;
  }

  template <typename Entry>
  COLLIDE_INLINE void add(const float* gradient, const Entry* entries, std::size_t n) const {
    constexpr int kCount = Sum<Entry, kBlock>::kCount, kVectors = Sum<Entry, kBlock>::kVectors;
    Lanes<kCount> terms[kVectors] = {};  // the gradient at `source`: that of all ids of a bag
    std::uint32_t source = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const Entry entry = entries[i];
      if (i == 0 || entry.source != source) {
        source = entry.source;
        for (int v = 0; v < kVectors; ++v) terms[v] = load_lanes<kCount>(gradient + source + kCount * v);
        const float* ahead = gradient + entries[std::min(i + kAhead, n - 1)].source;
        for (int j = 0; j < kBlock; j += 16) __builtin_prefetch(ahead + j);
      }
      const std::uint32_t before = counts[entry.row]++;
      if (before > 0 && before % kFloatRun == 0) [[unlikely]]
        end_part(entry.row, before / kFloatRun - 1, false);
      float* const part = parts + entry.row * width;
      for (int v = 0; v < kVectors; ++v) {
        const Lanes<kCount> term = Sum<Entry, kBlock>::scaled(terms[v], entry);
        store_lanes<kCount>(part + kCount * v, load_lanes<kCount>(part + kCount * v) + term);
      }
    }
  }

  // Up to kFloatRun gradients have their sum already.
  void finish() const {
    for (std::size_t slot = 0; slot < slots; ++slot) {
      if (counts[slot] > kFloatRun) end_part(slot, (counts[slot] - 1) / kFloatRun, true);
    }
  }
};

template <typename Entry>
COLLIDE_INLINE void sum_columns(Sums to, std::size_t width, const float* gradient, const Entry* entries,
                                std::size_t n) {
  to.width = width;
  for_each_block<64>(
      width, [&]<int kBlock>(std::size_t column) __attribute__((always_inline)) {
        const BlockSums<kBlock> sums{to.from(column)};
        sums.clear();
        sums.add(gradient + column, entries, n);
        sums.finish();
      });
}

// The field's widths are known when the loop is compiled.
template <typename Entry>
COLLIDE_INLINE void sum_rows(const Sums& to, const float* gradient, const Entry* entries, std::size_t n) {
  switch (to.width) {
    case 16:
      return sum_columns(to, 16, gradient, entries, n);
    case 64:
      return sum_columns(to, 64, gradient, entries, n);
    default:
      return sum_columns(to, to.width, gradient, entries, n);
  }
}

COLLIDE_MULTIVERSION
void sum_entries(const Sums& to, const float* gradient, const RowEntry* entries, std::size_t n) {
  sum_rows(to, gradient, entries, n);
}
COLLIDE_MULTIVERSION
void sum_weighted_entries(const Sums& to, const float* gradient, const WeightedRowEntry* entries, std::size_t n) {
  sum_rows(to, gradient, entries, n);
}

}  // namespace

std::size_t FrequentRows::most(std::size_t width) {
  return std::min(kMost, kBytes / (width * sizeof(float)));
}

void FrequentRows::clear(std::size_t width) {
  width_ = width;
  rows_.clear();
  keys_.resize(kKeys);
  slots_.resize(kKeys);
  for (std::uint32_t k = 0; k < kKeys; ++k) keys_[k] = k ^ 1;  // the key of no row: its low bits are others
}

void FrequentRows::add(std::uint32_t row) {
  const std::uint32_t k = row % kKeys;
  if (keys_[k] % kKeys == k) return;
  keys_[k] = row;
  slots_[k] = static_cast<std::uint16_t>(rows_.size());
  rows_.push_back(row);
}

void FrequentRows::choose_all(std::size_t rows, std::size_t width) {
  clear(width);
  for (std::size_t row = 0; row < rows; ++row) add(static_cast<std::uint32_t>(row));
}

template <typename Entry>
void FrequentRows::choose(const Entry* sorted, std::size_t n, std::size_t pruned, std::size_t width) {
  clear(width);
  const auto for_each_row = [&](const auto& body) {
    for (std::size_t begin = 0, end; begin < n && sorted[begin].row < pruned; begin = end) {
      for (end = begin + 1; end < n && sorted[end].row == sorted[begin].row;) ++end;
      body(sorted[begin].row, std::min<std::uint32_t>(kMostHits, end - begin));
    }
  };
  std::uint32_t rows[kMostHits + 1] = {};  // by their hits
  for_each_row([&](std::uint32_t, std::uint32_t hits) { ++rows[hits]; });
  std::uint32_t least = kMostHits + 1;
  for (std::size_t room = most(width); least > 2 && rows[least - 1] <= room;) room -= rows[--least];
  for_each_row([&](std::uint32_t row, std::uint32_t hits) {
    if (hits >= least) add(row);
  });
}

template <typename Entry>
void FrequentRows::sum(const float* gradient, const Entry* entries, std::size_t n) {
  const std::size_t values = slots() * width_;
  counts_.assign(slots(), 0);
  if (n == 0) return;
  parts_.resize(std::max(parts_.size(), values));
  pieces_.resize(std::max(pieces_.size(), values));
  all_.resize(std::max(all_.size(), values));
  const Sums to{counts_.data(), slots(), width_, parts_.data(), pieces_.data(), all_.data()};
  if constexpr (std::is_same_v<Entry, RowEntry>) {
    sum_entries(to, gradient, entries, n);
  } else {
    sum_weighted_entries(to, gradient, entries, n);
  }
}

template void FrequentRows::choose(const RowEntry*, std::size_t, std::size_t, std::size_t);
template void FrequentRows::choose(const WeightedRowEntry*, std::size_t, std::size_t, std::size_t);
template void FrequentRows::sum(const float*, const RowEntry*, std::size_t);
template void FrequentRows::sum(const float*, const WeightedRowEntry*, std::size_t);

}  // namespace collide
