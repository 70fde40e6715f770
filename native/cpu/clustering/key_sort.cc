#include "cpu/clustering/key_sort.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "core/support/random.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr int kDigitBits = 11;  // 2,048 counters stay in the first-level cache
constexpr int kPasses = 3;
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
constexpr std::size_t kFew = 4096;            // so few are sorted by comparing
constexpr std::size_t kLeastChunk = 1 << 15;  // items worth waking a thread for

using Aborted = std::function<bool()>;

struct Chunks {
  std::size_t n, count;

  Chunks(std::size_t items, unsigned threads) : n(items) {
    const std::size_t most = threads == 0 ? available_threads() : threads;
    count = std::clamp<std::size_t>(n / kLeastChunk, 1, most);
  }
  std::size_t start(std::size_t chunk) const { return n * chunk / count; }
};

// Sorts from[0, n) by `bits` bits of the key above `shift`. The result is in `from` when true, else in `to`.
bool radix_sort(KeyedId* from, KeyedId* to, std::size_t n, int shift, int bits, unsigned threads,
                const Aborted& aborted) {
  const Chunks chunks(n, threads);
  std::vector<std::size_t> starts(chunks.count * kBuckets);  // [chunk][digit]
  bool home = true;
  for (int low = shift; low < shift + bits; low += kDigitBits) {
    if (aborted && aborted()) return true;
    const auto digit = [low](const KeyedId& item) { return (item.key >> low) & (kBuckets - 1); };
    parallel_for(chunks.count, threads, [&](std::size_t chunk) {
      std::size_t* counts = &starts[chunk * kBuckets];
      std::fill_n(counts, kBuckets, 0);
      for (std::size_t i = chunks.start(chunk); i < chunks.start(chunk + 1); ++i) ++counts[digit(from[i])];
    });
    std::size_t start = 0;
    for (std::size_t d = 0; d < kBuckets; ++d) {
      for (std::size_t chunk = 0; chunk < chunks.count; ++chunk) {
        start += std::exchange(starts[chunk * kBuckets + d], start);
      }
    }
    parallel_for(chunks.count, threads, [&](std::size_t chunk) {
      std::size_t* next = &starts[chunk * kBuckets];
      for (std::size_t i = chunks.start(chunk); i < chunks.start(chunk + 1); ++i) to[next[digit(from[i])]++] = from[i];
    });
    std::swap(from, to);
    home = !home;
  }
  return home;
}

void sort_range(KeyedId* items, KeyedId* spare, std::size_t n, Ties ties, unsigned threads, const Aborted& aborted);

// Items with one key: they stand by id already.
void sort_ties(KeyedId* items, KeyedId* spare, std::size_t n, const Aborted& aborted) {
  const std::uint64_t key = items[0].key;
  for (std::size_t i = 0; i < n; ++i) items[i].key = mix64(items[i].id);
  sort_range(items, spare, n, Ties::kById, 1, aborted);
  for (std::size_t i = 0; i < n; ++i) items[i].key = key;
}

// By (key, ties), comparing.
void sort_few(KeyedId* items, std::size_t n, Ties ties) {
  const auto before = [ties](const KeyedId& a, const KeyedId& b) {
    if (a.key != b.key) return a.key < b.key;
    return ties == Ties::kById ? a.id < b.id : mix64(a.id) < mix64(b.id);
  };
  if (n > 24) {
    std::sort(items, items + n, before);
    return;
  }
  for (std::size_t i = 1; i < n; ++i) {
    const KeyedId item = items[i];
    std::size_t at = i;
    for (; at > 0 && before(item, items[at - 1]); --at) items[at] = items[at - 1];
    items[at] = item;
  }
}

void sort_range(KeyedId* items, KeyedId* spare, std::size_t n, Ties ties, unsigned threads, const Aborted& aborted) {
  if (n <= kFew) return sort_few(items, n, ties);
  std::uint64_t differing = 0;
  for (std::size_t i = 0; i < n; ++i) differing |= items[i].key ^ items[0].key;
  if (differing == 0) {
    if (ties == Ties::kByMix) sort_ties(items, spare, n, aborted);
    return;
  }
  const int top = std::bit_width(differing);
  const int shift = std::max(0, std::max(std::countr_zero(differing), top - kDigitBits * kPasses));
  const bool home = radix_sort(items, spare, n, shift, top - shift, threads, aborted);
  if (shift == 0 && ties == Ties::kById && home) return;

  // What is equal in the bits above `shift` is still to be sorted. A chunk takes the runs that begin in it.
  const Chunks chunks(n, threads);
  const KeyedId* sorted = home ? items : spare;
  const auto same = [&](std::size_t a, std::size_t b) { return sorted[a].key >> shift == sorted[b].key >> shift; };
  std::vector<std::size_t> starts(chunks.count + 1, n);
  for (std::size_t chunk = 0; chunk < chunks.count; ++chunk) {
    starts[chunk] = chunks.start(chunk);
    while (starts[chunk] > 0 && starts[chunk] < n && same(starts[chunk], starts[chunk] - 1)) ++starts[chunk];
  }
  const bool distinct = std::countr_zero(differing) >= shift && ties == Ties::kById;
  parallel_for(chunks.count, threads, [&](std::size_t chunk) {
    const std::size_t end = starts[chunk + 1];
    if (!home) std::copy(spare + starts[chunk], spare + std::max(starts[chunk], end), items + starts[chunk]);
    if (distinct) return;
    for (std::size_t first = starts[chunk]; first < end;) {
      std::size_t last = first + 1;
      while (last < end && items[last].key >> shift == items[first].key >> shift) ++last;
      if (last - first > 1) sort_range(items + first, spare + first, last - first, ties, 1, aborted);
      first = last;
    }
  });
}

}  // namespace

std::uint64_t key_of(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double value_of(std::uint64_t key) {
  return std::bit_cast<double>((key & kSign) != 0 ? key ^ kSign : ~key);
}

KeyedIds::KeyedIds(std::size_t n, std::size_t spare_bytes)
    : n_(n), items_(n * sizeof(KeyedId), "the sort of ids"), spare_(n * spare_bytes, "the sort of ids") {}

void KeyedIds::fill(const std::vector<double>& values, unsigned threads) {
  const Chunks chunks(n_, threads);
  parallel_for(chunks.count, threads, [&](std::size_t chunk) {
    for (std::size_t id = chunks.start(chunk); id < chunks.start(chunk + 1); ++id) {
      (*this)[id] = {key_of(values[id]), static_cast<std::uint32_t>(id)};
    }
  });
}

bool KeyedIds::sort(Ties ties, unsigned threads, const Aborted& aborted) {
  sort_range(begin(), spare_.as<KeyedId>(), n_, ties, threads, aborted);
  return !(aborted && aborted());
}

}  // namespace collide
