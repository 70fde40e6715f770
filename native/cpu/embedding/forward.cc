#include "cpu/embedding/forward.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/support/multiversion.h"
#include "cpu/embedding/prefetch.h"
#include "cpu/embedding/row_codec.h"
#include "cpu/support/float8.h"

namespace collide {

namespace {

// Ids translated at once: so many that a mapping has the cache to itself for a while, and the rows after it; between
// short windows each would drive the other out. Where something of a row's size is written and read again (products, or
// sums that a second hash function adds to, or pieces of a long bag), windows are short.
constexpr std::size_t kWindow = 1 << 15, kShortWindow = 1024;
constexpr std::size_t kBagsAtOnce = 16;  // bags looked at together where a window ends
// How far a prefetch is ahead of its use: about as many cache lines, whatever the width, but at most as many rows.
// A row of several lines is asked for again halfway: a processor that has all the lines under way that it can forgets
// a prefetch.
constexpr std::size_t kPrefetchLines = 128, kPrefetchRows = 64;
static_assert(kPrefetchRows <= kIdsPadding);

// A window of translated ids of one internal table, cut into units (bags, or pieces of a long bag), and where their
// sums go.
struct Gather {
  const std::uint8_t* table;
  std::size_t bytes_per_row;
  // Row of each id. Behind them follow kPrefetchRows more that may be prefetched.
  const std::uint32_t* rows;
  const float* weights;          // of each id, or null
  const std::uint32_t* offsets;  // [units + 1], unit u holds ids offsets[u] - offsets[0] and on
  std::size_t units;
  bool mean;   // divide each sum by the number of its ids
  bool add;    // to what is there
  float* out;  // first column of unit 0
  std::size_t stride;
};

// How kCount columns from `column` on are read; float32 rows may end in 4, 2 and 1.
template <Precision kPrecision, int kCount>
COLLIDE_INLINE Lanes<kCount> decode_lanes(const std::uint8_t* row, std::size_t column) {
  if constexpr (kPrecision == Precision::kFloat32) {
    return load_lanes<kCount>(reinterpret_cast<const float*>(row) + column);
  } else {
    return decode8<kPrecision>(row, column);
  }
}

// kBlock columns, from `column` on, of all units; of the last block of a narrower precision only `part` columns count.
// Nothing but reads, sums and writes, so that the reads to come are under way as early as can be.
template <Precision kPrecision, int kBlock, bool kWeighted, bool kStream, bool kPart = false>
COLLIDE_INLINE void pool_block(const Gather& gather, std::size_t column, std::size_t part = 0) {
  constexpr int kCount = std::min(kBlock, 8), kVectors = kBlock / kCount;
  constexpr std::size_t kBytes = std::max<std::size_t>(1, kBlock * kBlockBytes<kPrecision> / 8);
  constexpr std::size_t kAhead = std::min(kPrefetchRows, kPrefetchLines / ((kBytes + kLine - 1) / kLine));
  const std::uint8_t* table = gather.table;
  const std::uint8_t* block = table + column * kBlockBytes<kPrecision> / 8;
  const std::size_t bytes_per_row = gather.bytes_per_row;
  const std::uint32_t* rows = gather.rows;
  float* target = gather.out + column;
  std::size_t i = 0;
  for (std::size_t unit = 0; unit < gather.units; ++unit, target += gather.stride) {
    const std::size_t length = gather.offsets[unit + 1] - gather.offsets[unit], end = i + length;
    Lanes<kCount> sum[kVectors] = {};
    if (gather.add) {
      if constexpr (kPart) {
        sum[0] = load_floats(target, part);
      } else {
        for (int v = 0; v < kVectors; ++v) sum[v] = load_lanes<kCount>(target + kCount * v);
      }
    }
    for (; i < end; ++i) {
      fetch<false>(block + rows[i + kAhead] * bytes_per_row, kBytes);
      if constexpr (kBytes > kLine) fetch<false>(block + rows[i + kAhead / 2] * bytes_per_row, kBytes);
      if (rows[i] == kPruned) [[unlikely]]
        continue;
      const std::uint8_t* row = table + rows[i] * bytes_per_row;
      for (int v = 0; v < kVectors; ++v) {
        Lanes<kCount> value;
        if constexpr (kPart) {
          value = decode_part8<kPrecision>(row, column, part);
        } else {
          value = decode_lanes<kPrecision, kCount>(row, column + kCount * v);
        }
        if constexpr (kWeighted) value *= gather.weights[i];
        sum[v] += value;
      }
    }
    if (gather.mean && length > 1) {
      const float share = 1.0f / static_cast<float>(length);
      for (int v = 0; v < kVectors; ++v) sum[v] *= share;
    }
    if constexpr (kPart) {
      store_floats(target, sum[0], part);
    } else {
      for (int v = 0; v < kVectors; ++v) {
        if constexpr (kStream) {
          stream8(target + kCount * v, sum[v]);
        } else {
          store_lanes<kCount>(target + kCount * v, sum[v]);
        }
      }
    }
  }
}

// Narrower blocks for narrower values: less code, and rows of as many bytes.
template <Precision kPrecision>
constexpr int kMostColumns = kPrecision == Precision::kFloat32 ? 64 : 32;

template <Precision kPrecision, bool kWeighted>
COLLIDE_INLINE void pool_columns(const Gather& gather, std::size_t width, bool stream) {
  const std::size_t part = kPrecision == Precision::kFloat32 ? 0 : width % 8;
  const auto pool = [&]<int kBlock>(std::size_t column) __attribute__((always_inline)) {
    if constexpr (kBlock >= 16) {
      if (stream) return pool_block<kPrecision, kBlock, kWeighted, true>(gather, column);
    }
    if constexpr (kBlock >= 8 || kPrecision == Precision::kFloat32) {
      pool_block<kPrecision, kBlock, kWeighted, false>(gather, column);
    }
  };
  for_each_block<kMostColumns<kPrecision>>(width - part, pool);
  if constexpr (kPrecision != Precision::kFloat32) {
    if (part > 0) pool_block<kPrecision, 8, kWeighted, false, true>(gather, width - part, part);
  }
}

template <Precision kPrecision>
COLLIDE_INLINE void pool_rows(const Gather& gather, std::size_t width, bool stream) {
  if (gather.weights != nullptr) {
    pool_columns<kPrecision, true>(gather, width, stream);
  } else {
    pool_columns<kPrecision, false>(gather, width, stream);
  }
}

COLLIDE_MULTIVERSION
void pool_float32(const Gather& gather, std::size_t width, bool stream) {
  pool_rows<Precision::kFloat32>(gather, width, stream);
}
COLLIDE_MULTIVERSION
void pool_float16(const Gather& gather, std::size_t width, bool stream) {
  pool_rows<Precision::kFloat16>(gather, width, stream);
}
COLLIDE_MULTIVERSION
void pool_bfloat16(const Gather& gather, std::size_t width, bool stream) {
  pool_rows<Precision::kBfloat16>(gather, width, stream);
}
COLLIDE_MULTIVERSION
void pool_int8(const Gather& gather, std::size_t width, bool stream) {
  pool_rows<Precision::kInt8>(gather, width, stream);
}
COLLIDE_MULTIVERSION
void pool_int4(const Gather& gather, std::size_t width, bool stream) {
  pool_rows<Precision::kInt4>(gather, width, stream);
}

void pool_gathered(Precision precision, const Gather& gather, std::size_t width, bool stream) {
  switch (precision) {
    case Precision::kFloat32:
      return pool_float32(gather, width, stream);
    case Precision::kFloat16:
      return pool_float16(gather, width, stream);
    case Precision::kBfloat16:
      return pool_bfloat16(gather, width, stream);
    case Precision::kInt8:
      return pool_int8(gather, width, stream);
    case Precision::kInt4:
      return pool_int4(gather, width, stream);
  }
}

// A run of bags or a part of a long bag: ids [start, start + size) of the batch.
struct Window {
  std::size_t start, size;
  const std::uint32_t* offsets;  // as in Gather
  std::size_t units;
  bool mean;
  float* out;  // first column of the feature
  std::size_t stride;
  bool stream;
  std::size_t left;  // ids of the task from `start` on
};

bool combines(const Feature& feature) {
  return feature.hashes.size() > 1 || feature.combine == Combine::kMultiply;
}

// Pools windows of one feature. Buffers live as long as a task.
class Pooler {
 public:
  // For a task of `ids` ids.
  Pooler(const PoolTask& task, std::size_t ids)
      : task_(task),
        feature_(*task.feature),
        width_(feature_.table_width()),
        window_(std::min(ids, combines(*task.feature) ? kShortWindow : kWindow)),
        rows_(std::make_unique_for_overwrite<std::uint32_t[]>(window_ + kPrefetchRows)) {
    if (feature_.combine == Combine::kMultiply) products_.resize(window_ * width_), factor_.resize(width_);
  }

  // The most ids of a window.
  std::size_t window() const { return window_; }

  void pool(const Window& window) {
    if (feature_.combine == Combine::kMultiply) return pool_products(window);
    const std::size_t hashes = feature_.hashes.size();
    const bool concat = feature_.combine == Combine::kConcat;
    for (std::size_t h = 0; h < hashes; ++h) {
      // The first rows of the next window too: their reads start while this one's are summed.
      const std::uint32_t* rows = translate(h, window, std::min(window.size + kPrefetchRows, window.left));
      const InternalTable& table = *task_.tables[h];
      const Gather gather{table.weights.as<std::uint8_t>(),
                          table.bytes_per_row,
                          rows,
                          weights(window),
                          window.offsets,
                          window.units,
                          window.mean && (concat || h + 1 == hashes),
                          !concat && h > 0,
                          window.out + (concat ? h * width_ : 0),
                          window.stride};
      pool_gathered(feature_.precision, gather, width_, window.stream && (concat || hashes == 1));
    }
  }

 private:
  // The rows of the window's first n ids, and kPrefetchRows more that may be anything.
  const std::uint32_t* translate(std::size_t h, const Window& window, std::size_t n) {
    const HashFunction& hash = task_.hashes[h];
    const std::uint32_t* ids = task_.ids + window.start;
    if (hash.is_identity()) return ids;
    std::uint32_t* rows = rows_.get();
    hash.rows_of(ids, n, rows);
    std::fill(rows + n, rows + window.size + kPrefetchRows, 0);
    if (task_.rows != nullptr) std::copy_n(rows, window.size, task_.rows + h * task_.indices + window.start);
    return rows;
  }

  const float* weights(const Window& window) const {
    return task_.weights == nullptr ? nullptr : task_.weights + window.start;
  }

  // Rows are multiplied in a buffer, one per id, which is then pooled as a table of float32 rows.
  void pool_products(const Window& window) {
    for (std::size_t h = 0; h < feature_.hashes.size(); ++h) {
      const std::uint32_t* rows = translate(h, window, window.size);
      for (std::size_t i = 0; i < window.size; ++i) {
        float* product = products_.data() + i * width_;
        float* values = h == 0 ? product : factor_.data();
        if (rows[i] == kPruned) {
          std::fill_n(product, width_, 0.0f);  // and zeros they stay
          continue;
        }
        decode_rows(feature_.precision, task_.tables[h]->row(rows[i]), 1, width_, values);
        for (std::size_t j = 0; h > 0 && j < width_; ++j) product[j] *= values[j];
      }
    }
    for (std::size_t i = 0; i < window.size; ++i) rows_[i] = static_cast<std::uint32_t>(i);
    std::fill_n(rows_.get() + window.size, kPrefetchRows, 0);
    pool_gathered(Precision::kFloat32,
                  {reinterpret_cast<const std::uint8_t*>(products_.data()), width_ * sizeof(float), rows_.get(),
                   weights(window), window.offsets, window.units, window.mean, false, window.out, window.stride},
                  width_, window.stream);
  }

  const PoolTask& task_;
  const Feature& feature_;
  std::size_t width_, window_;
  std::unique_ptr<std::uint32_t[]> rows_;  // written before it is read: identities need none of it
  std::vector<float> products_, factor_;
};

// A long bag: its pieces are pooled like short bags, and their sums add up in float64.
void pool_long_bag(const PoolTask& task, Pooler& pooler, std::size_t bag) {
  constexpr std::size_t kPieces = kShortWindow / kLongBag;
  const std::size_t begin = task.offsets[bag], end = task.offsets[bag + 1], dim = task.feature->dim;
  std::vector<float> pieces(kPieces * dim);
  std::vector<double> sum(dim);
  for (std::size_t start = begin; start < end; start += kShortWindow) {
    const std::size_t size = std::min(kShortWindow, end - start), units = (size + kLongBag - 1) / kLongBag;
    std::uint32_t offsets[kPieces + 1];
    for (std::size_t u = 0; u <= units; ++u) offsets[u] = static_cast<std::uint32_t>(std::min(size, u * kLongBag));
    pooler.pool({start, size, offsets, units, false, pieces.data(), dim, false, end - start});
    for (std::size_t u = 0; u < units; ++u) {
      for (std::size_t j = 0; j < dim; ++j) sum[j] += pieces[u * dim + j];
    }
  }
  const bool mean = task.feature->pooling == Pooling::kMean;
  const float share = mean ? 1.0f / static_cast<float>(end - begin) : 1.0f;
  float* target = task.out + bag * task.stride;
  for (std::size_t j = 0; j < dim; ++j) target[j] = static_cast<float>(sum[j]) * share;
}

}  // namespace

void pool_bags(const PoolTask& task, std::size_t first, std::size_t last) {
  const std::uint32_t* offsets = task.offsets;
  Pooler pooler(task, offsets[last] - offsets[first]);
  const auto is_long = [&](std::size_t bag) { return offsets[bag + 1] - offsets[bag] > kLongBag; };
  for (std::size_t bag = first; bag < last;) {
    if (is_long(bag)) {
      pool_long_bag(task, pooler, bag++);
      continue;
    }
    std::size_t stop = bag;
    // Bags with no more ids together than a short bag may have are short: with an id or two each, many at a step.
    while (stop + kBagsAtOnce <= last && offsets[stop + kBagsAtOnce] - offsets[bag] <= pooler.window() &&
           offsets[stop + kBagsAtOnce] - offsets[stop] <= kLongBag) {
      stop += kBagsAtOnce;
    }
    while (stop < last && offsets[stop + 1] - offsets[bag] <= pooler.window() && !is_long(stop)) ++stop;
    pooler.pool({offsets[bag], offsets[stop] - offsets[bag], offsets + bag, stop - bag,
                 task.feature->pooling == Pooling::kMean, task.out + bag * task.stride, task.stride, task.stream,
                 offsets[last] - offsets[bag]});
    bag = stop;
  }
  if (task.stream) end_streaming();
}

}  // namespace collide
