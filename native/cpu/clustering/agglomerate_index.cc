#include "cpu/clustering/agglomerate_index.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/support/multiversion.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::uint32_t kMostCode = 65534;
constexpr double kExactSums = 256;           // sums of counts below it have a code per pair of counts
constexpr std::uint32_t kPairCodes = 16512;  // of those
constexpr int kSumShift = 42;                // leaves 10 bits of a sum's fraction: 1,024 codes per octave
constexpr int kDistanceShift = 46;           // 64 codes per octave

std::uint64_t bits_of(double x) {
  return std::bit_cast<std::uint64_t>(x);
}

// Pairs of counts with a smaller sum.
constexpr std::uint32_t pairs_below(std::uint32_t sum) {
  return ((sum + 1) / 2) * ((sum + 2) / 2);
}
static_assert(pairs_below(256) == kPairCodes);

std::uint32_t wide_code(double sum) {
  const std::uint64_t code = kPairCodes + (bits_of(sum) >> kSumShift) - (bits_of(kExactSums) >> kSumShift);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(code, kMostCode));
}

std::uint32_t frequency_code(double a, double b) {
  const double sum = a + b;
  if (sum >= kExactSums) return wide_code(sum);
  return pairs_below(static_cast<std::uint32_t>(sum)) + static_cast<std::uint32_t>(std::min(a, b));
}

// No pair of this code has a larger sum of counts.
double most_sum(std::uint32_t code) {
  if (code >= kPairCodes) {
    return std::bit_cast<double>((code - kPairCodes + 1 + (bits_of(kExactSums) >> kSumShift)) << kSumShift);
  }
  std::uint32_t sum = 0;
  while (pairs_below(sum + 1) <= code) ++sum;
  return sum;
}

// Bit i says whether codes[i] <= limit.
#ifdef __SSE2__
std::uint64_t at_most(const std::uint16_t* codes, std::uint16_t limit) {
  const __m128i most = _mm_set1_epi16(static_cast<short>(limit)), zero = _mm_setzero_si128();
  std::uint64_t bits = 0;
  for (int i = 0; i < 4; ++i) {
    const auto* from = reinterpret_cast<const __m128i*>(codes + 16 * i);
    const __m128i low = _mm_cmpeq_epi16(_mm_subs_epu16(_mm_loadu_si128(from), most), zero);
    const __m128i high = _mm_cmpeq_epi16(_mm_subs_epu16(_mm_loadu_si128(from + 1), most), zero);
    bits |= static_cast<std::uint64_t>(static_cast<std::uint16_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high))))
            << (16 * i);
  }
  return bits;
}
#else
std::uint64_t at_most(const std::uint16_t* codes, std::uint16_t limit) {
  std::uint64_t bits = 0;
  for (int i = 0; i < 64; ++i) bits |= static_cast<std::uint64_t>(codes[i] <= limit) << i;
  return bits;
}
#endif

std::size_t padded(std::size_t slots) {
  return (slots + kSlotBlock - 1) / kSlotBlock * kSlotBlock;
}

COLLIDE_MULTIVERSION void count_block(const std::uint16_t* codes, std::uint16_t bound, std::uint16_t& below,
                                      std::uint16_t& at_bound) {
  std::uint16_t less = 0, equal = 0;
  for (std::size_t i = 0; i < kSlotBlock; ++i) {
    less = static_cast<std::uint16_t>(less + (codes[i] < bound));
    equal = static_cast<std::uint16_t>(equal + (codes[i] == bound));
  }
  below = less;
  at_bound = equal;
}

}  // namespace

PairIndex::PairIndex(const Clusters& clusters, FilterBy by, std::uint64_t max_size, std::size_t threads)
    : by_(by),
      max_size_(max_size),
      memory_(padded(clusters.slots()) * sizeof(std::uint16_t), "the pairs of clusters"),
      codes_(memory_.as<std::uint16_t>()),
      tallies_(threads) {
  const std::size_t n = clusters.slots();
  const double range = clusters[static_cast<std::uint32_t>(n - 1)].value - clusters[0].value;
  distance_base_ = static_cast<std::int64_t>(bits_of(range) >> kDistanceShift) - kMostCode;
  parallel_for(threads, static_cast<unsigned>(threads), [&](std::size_t thread) {
    const std::size_t end = (n - 1) * (thread + 1) / threads;
    for (auto left = static_cast<std::uint32_t>((n - 1) * thread / threads); left < end; ++left) {
      const std::uint16_t code = code_of(clusters[left], clusters[left + 1]);
      codes_[left] = code;
      if (code != kNone) tallies_[thread].add(code);
    }
  });
  std::fill(codes_ + n - 1, codes_ + padded(n), kNone);
}

std::uint16_t PairIndex::code_of(const Cluster& left, const Cluster& right) const {
  const std::uint64_t ids = std::uint64_t{left.ids} + right.ids;
  if (max_size_ > 0 && ids > max_size_) return kNone;
  switch (by_) {
    case FilterBy::kFrequency:
      return static_cast<std::uint16_t>(frequency_code(left.count, right.count));
    case FilterBy::kDistance: {
      const double distance = right.value - left.value;
      if (distance == 0) return 0;
      const std::int64_t code = static_cast<std::int64_t>(bits_of(distance) >> kDistanceShift) - distance_base_;
      return static_cast<std::uint16_t>(std::max<std::int64_t>(code, 1));
    }
    default:
      return static_cast<std::uint16_t>(std::min<std::uint64_t>(ids, kMostCode));
  }
}

std::size_t PairIndex::size() const {
  std::uint32_t sum = 0;
  for (const Tally& tally : tallies_) sum = std::accumulate(tally.coarse.begin(), tally.coarse.end(), sum);
  return sum;
}

void PairIndex::set(std::uint32_t left, std::uint16_t code, Tally& tally) {
  if (codes_[left] == code) return;
  if (codes_[left] != kNone) tally.take(codes_[left]);
  if (code != kNone) tally.add(code);
  codes_[left] = code;
}

void PairIndex::united(const Clusters& clusters, const std::uint32_t* slots, std::size_t count, const SlotRange& range,
                       std::size_t part) {
  Tally& tally = tallies_[part];
  for (std::size_t i = 1; i < count; ++i) set(slots[i], kNone, tally);
  const std::uint32_t previous = clusters.previous(slots[0], range), next = clusters.next(slots[0], range);
  if (previous != Clusters::kNone) set(previous, code_of(clusters[previous], clusters[slots[0]]), tally);
  if (next != Clusters::kNone) set(slots[0], code_of(clusters[slots[0]], clusters[next]), tally);
}

void PairIndex::refresh(const Clusters& clusters, std::uint32_t left) {
  const std::uint32_t right = clusters.alive(left) ? clusters.next(left, clusters.all()) : Clusters::kNone;
  set(left, right == Clusters::kNone ? kNone : code_of(clusters[left], clusters[right]), tallies_[0]);
}

std::uint16_t PairIndex::code_at(std::size_t m, std::size_t& below) const {
  const auto count = [&](std::vector<std::uint32_t> Tally::*of, std::size_t at) {
    std::uint32_t sum = 0;
    for (const Tally& tally : tallies_) sum += (tally.*of)[at];
    return sum;
  };
  below = 0;
  std::size_t block = 0;
  for (std::uint32_t pairs; below + (pairs = count(&Tally::coarse, block)) < m; ++block) below += pairs;
  std::size_t code = 256 * block;
  for (std::uint32_t pairs; below + (pairs = count(&Tally::fine, code)) < m; ++code) below += pairs;
  return static_cast<std::uint16_t>(code);
}

bool PairIndex::exact(std::uint16_t code, double norm) const {
  if (code == 0) return by_ != FilterBy::kSize;
  if (by_ != FilterBy::kFrequency) return by_ == FilterBy::kSize && code < kMostCode;
  // Sums go first while what the products add stays under 1; 2^36 keeps rounding far from what tells products apart.
  const double sum = most_sum(code);
  return code < kPairCodes && sum * sum < 2 * norm && norm < 0x1p36;
}

std::uint16_t PairIndex::reach(std::uint16_t code, double norm) const {
  if (by_ != FilterBy::kFrequency) return code;
  const double sum = most_sum(code);
  const double most = (sum + sum * sum / (4 * norm)) * (1 + 0x1p-40);
  if (!(most < 0x1p53)) return kMostCode;
  if (most >= kExactSums) return static_cast<std::uint16_t>(wide_code(most));
  return static_cast<std::uint16_t>(pairs_below(static_cast<std::uint32_t>(most) + 1) - 1);
}

void PairIndex::count_hits(const Clusters& clusters, std::uint16_t bound, std::size_t parts) {
  hits_.resize(padded(clusters.slots()) / kSlotBlock);
  parallel_for(parts, static_cast<unsigned>(parts), [&](std::size_t part) {
    const std::size_t end = hits_.size() * (part + 1) / parts;
    for (std::size_t block = hits_.size() * part / parts; block < end; ++block) {
      count_block(&codes_[block * kSlotBlock], bound, hits_[block].below, hits_[block].at_bound);
    }
  });
}

std::vector<PairIndex::Part> PairIndex::divide(const Clusters& clusters, Threshold threshold, std::size_t parts) {
  count_hits(clusters, threshold.bound, parts);
  std::size_t pairs = threshold.ties, listed = 0;
  for (const Hits& hits : hits_) pairs += hits.below;
  std::vector<Part> divided = {{{0, 0}, threshold}};
  for (std::size_t block = 0; block < hits_.size(); ++block) {
    const std::size_t ties = std::min<std::size_t>(threshold.ties, hits_[block].at_bound);
    threshold.ties -= ties;
    listed += hits_[block].below + ties;
    const std::size_t end = std::min((block + 1) * kSlotBlock, clusters.slots());
    divided.back().range.end = end;
    if (divided.size() < parts && listed * parts >= pairs * divided.size()) divided.push_back({{end, end}, threshold});
  }
  return divided;
}

void PairIndex::gather(const Clusters& clusters, Part part, FilterBy key_by, double norm,
                       std::vector<Candidate>& list) const {
  // Pairs are listed first and looked at a little later, when their clusters have come from memory.
  constexpr std::size_t kAhead = 64;
  std::size_t seen = 0;
  const auto look = [&](std::size_t end) {
    for (; seen < end; ++seen) {
      Candidate& pair = list[seen];
      pair.right = clusters.next(pair.left, clusters.all());
      pair.key = clusters.score(key_by, pair.left, pair.right, norm);
    }
  };
  for (std::size_t begin = part.range.begin; begin < part.range.end; begin += kSlotBlock) {
    const Hits& hits = hits_[begin / kSlotBlock];
    const std::size_t ties = std::min<std::size_t>(part.threshold.ties, hits.at_bound);
    part.threshold.ties -= ties;
    if (hits.below + ties == 0) continue;
    std::size_t ties_left = ties;
    const auto limit = static_cast<std::uint16_t>(part.threshold.bound - (ties == 0 ? 1 : 0));
    for (std::size_t first = begin; first < begin + kSlotBlock; first += 64) {
      for (std::uint64_t bits = at_most(&codes_[first], limit); bits != 0; bits &= bits - 1) {
        const auto left = static_cast<std::uint32_t>(first + static_cast<std::size_t>(std::countr_zero(bits)));
        if (ties < hits.at_bound && codes_[left] == part.threshold.bound) {
          if (ties_left == 0) continue;
          --ties_left;
        }
        clusters.prefetch(left);
        list.push_back({0, left, 0});
      }
      if (list.size() > seen + 2 * kAhead) look(list.size() - kAhead);
    }
  }
  look(list.size());
}

void PairIndex::select(const Clusters& clusters, double norm, std::size_t m, FilterBy key_by, std::size_t parts,
                       Candidates& candidates) {
  std::size_t below = 0;
  const std::uint16_t code = code_at(m, below);
  const bool ties = exact(code, norm);
  // Where pairs do not simply tie, all that might be small enough are scored.
  const Threshold threshold =
      ties ? Threshold{code, m - below} : Threshold{static_cast<std::uint16_t>(reach(code, norm) + 1), 0};
  if (!ties) key_by = by_;
  const std::vector<Part> divided = divide(clusters, threshold, parts);
  std::vector<SlotRange> ranges;
  for (const Part& part : divided) ranges.push_back(part.range);
  candidates.list(key_by, std::move(ranges), [&](std::size_t part, std::vector<Candidate>& list) {
    gather(clusters, divided[part], key_by, norm, list);
  });
  if (!ties) candidates.keep_smallest(clusters, by_, norm, m);
}

void PairIndex::squeeze(const Clusters& clusters) {
  clusters.compact(codes_);
  std::fill(codes_ + clusters.size(), codes_ + padded(clusters.size()), kNone);
}

}  // namespace collide
