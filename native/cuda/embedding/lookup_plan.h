// How one launch covers the lookups of all features: each segment (a feature, or one of its internal tables when they
// stand side by side) gets a run of blocks, each block a few bags, each bag a few lanes, each lane packs of 4, 2 or 1
// columns. Made on the host, read by the kernel.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "core/embedding/layout.h"
#include "core/support/error.h"

namespace collide::cuda {

constexpr std::uint32_t kBlockThreads = 256;

struct Segment {
  std::uint32_t feature;
  std::uint32_t first_table, tables;  // internal tables whose rows add up, or are multiplied
  bool product;
  std::uint32_t width;            // floats per row
  std::uint32_t pack;             // floats a lane reads at once: 4, 2 or 1; divides width, so reads are aligned
  std::uint32_t packs;            // width / pack
  std::uint32_t positions;        // sequence length, or 1 when a bag is pooled
  std::uint32_t position_stride;  // output floats from one position to the next
  std::uint32_t lanes;            // threads per bag: positions * packs, at most a block
  std::uint32_t bags_per_block;
  bool mean;
  std::uint64_t column;  // first output column, counted from the feature's

  // In the batch, see place_segments.
  std::uint64_t first_bag, bags;  // bag b holds the ids from offsets[first_bag + b] on
  std::uint64_t base, stride;     // and goes to out[base + b * stride]
  bool aligned_output;            // every pack of the output starts at a multiple of its size
};

// The widest pack of 4, 2 or 1 floats that divides a row.
inline std::uint32_t pack_of(std::uint32_t width) {
  return width % 4 == 0 ? 4 : width % 2 == 0 ? 2 : 1;
}

inline std::vector<Segment> make_segments(const EmbeddingLayout& layout) {
  std::vector<Segment> segments;
  std::uint32_t table = 0;
  for (std::size_t f = 0; f < layout.features.size(); ++f) {
    const Feature& feature = layout.features[f];
    const auto hashes = static_cast<std::uint32_t>(feature.hashes.size());
    const bool concat = feature.combine == Combine::kConcat;
    for (std::uint32_t part = 0; part < (concat ? hashes : 1); ++part) {
      Segment segment{};
      segment.feature = static_cast<std::uint32_t>(f);
      segment.first_table = table;
      segment.tables = concat ? 1 : hashes;
      segment.product = feature.combine == Combine::kMultiply;
      table += segment.tables;
      segment.width = feature.table_width();
      segment.pack = pack_of(segment.width);
      segment.packs = segment.width / segment.pack;
      segment.positions = feature.pooling == Pooling::kNone ? feature.sequence_length : 1;
      segment.position_stride = feature.dim;
      const std::uint64_t work = std::uint64_t{segment.positions} * segment.packs;
      if (work > std::numeric_limits<std::uint32_t>::max() / 2) {
        fail("INVALID_ARGUMENT", "Expected sequence length * dim below 2^31 on a CUDA device for feature \"",
             feature.name, "\"");
      }
      segment.lanes = static_cast<std::uint32_t>(std::min<std::uint64_t>(work, kBlockThreads));
      segment.bags_per_block = kBlockThreads / segment.lanes;
      segment.mean = feature.pooling == Pooling::kMean;
      segment.column = std::uint64_t{part} * segment.width;
      segments.push_back(segment);
    }
  }
  return segments;
}

// A part of a batch, looked up by a launch of its own: its output is `floats` of the whole from `first` on.
struct LookupPart {
  std::vector<FeatureBags> bags;  // places in the part's output
  std::size_t first, floats;
};

// The parts of a batch, whose outputs of at most `most` floats follow each other; a single bag may have more.
inline std::vector<LookupPart> lookup_parts(const EmbeddingLayout& layout, const std::vector<FeatureBags>& bags,
                                            bool side_by_side, std::size_t most) {
  const std::size_t size = output_size(layout, bags);
  if (size <= most) return {{bags, 0, size}};
  std::vector<LookupPart> parts;
  // Rows [begin, end) of features [first, last), which all have as many.
  const auto cut = [&](std::size_t first, std::size_t last, std::size_t width, std::size_t base) {
    const std::size_t rows = bags[first].bags, step = std::max<std::size_t>(1, most / width);
    for (std::size_t begin = 0; begin < rows; begin += step) {
      LookupPart part{bags, base + begin * width, std::min(step, rows - begin) * width};
      for (std::size_t f = 0; f < bags.size(); ++f) {
        const bool within = f >= first && f < last;
        part.bags[f].bags = within ? std::min(step, rows - begin) : 0;
        part.bags[f].first_bag += within ? begin : 0;
        part.bags[f].base -= base;
      }
      parts.push_back(std::move(part));
    }
  };
  if (side_by_side) {
    cut(0, bags.size(), layout.output_width, 0);
  } else {
    for (std::size_t f = 0; f < bags.size(); ++f) {
      if (bags[f].bags > 0) cut(f, f + 1, layout.features[f].output_width(), bags[f].base);
    }
  }
  return parts;
}

// Gives each segment its place in a batch; returns the first block of each, then the number of blocks: [segments + 1].
inline std::vector<std::uint32_t> place_segments(std::vector<Segment>& segments, const std::vector<FeatureBags>& bags) {
  std::vector<std::uint32_t> first;
  std::uint64_t blocks = 0;
  for (Segment& segment : segments) {
    const FeatureBags& place = bags[segment.feature];
    segment.first_bag = place.first_bag;
    segment.bags = place.bags;
    segment.base = place.base + segment.column;
    segment.stride = place.stride;
    segment.aligned_output = segment.base % segment.pack == 0 && segment.stride % segment.pack == 0;
    first.push_back(static_cast<std::uint32_t>(blocks));
    blocks += (segment.bags + segment.bags_per_block - 1) / segment.bags_per_block;
    if (blocks > std::numeric_limits<std::int32_t>::max()) {
      fail("INVALID_ARGUMENT", "Expected a batch that needs at most 2^31 - 1 blocks on a CUDA device, received ",
           place.bags, " bags of a feature");
    }
  }
  first.push_back(static_cast<std::uint32_t>(blocks));
  return first;
}

}  // namespace collide::cuda
