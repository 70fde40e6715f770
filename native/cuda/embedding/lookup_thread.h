// What each thread of the lookup kernels does. Threads neither talk to each other nor share an output, so running them
// one after another on the host is the kernel: the tests do that, on machines without a device.
//
// Sums are added in the order of the CPU engine (internal tables outer, ids in order; no fused multiply-add; the
// pieces of long bags in float64), so the results have the same bits. Cost: each lane reads its bag's ids and mappings
// itself (neighbours hit the same cache line) and a pack of each row; nothing is read twice from memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/embedding/batch_check.h"
#include "core/embedding/layout.h"
#include "core/support/portable.h"
#include "cuda/embedding/lookup_plan.h"
#include "cuda/hashing/hash_rows.h"

namespace collide::cuda {

constexpr int kIdsAtOnce = 3;  // rows of a bag in flight per lane; 4 spill beside products

struct DeviceTable {
  const float* weights;  // [rows, width]
  AnyHash hash;
};

struct LookupArguments {
  const Segment* segments;
  const std::uint32_t* first_block;  // [segments + 1]
  std::uint32_t segment_count;
  const DeviceTable* tables;
  const std::uint32_t* ids;      // checked
  const std::uint32_t* offsets;  // [bags of all features + 1]
  const float* weights;          // one per id, or null
  float* out;
};

struct CheckArguments {
  const void* indices;
  IntegerType type;
  std::uint64_t count;
  const std::uint32_t* first_ids;      // [features] position of a feature's first id
  const std::uint64_t* cardinalities;  // [features]
  std::uint32_t features;
  BadIndex policy;
  std::uint32_t* ids;  // [count]
};

// The largest k below count with starts[k] <= value; starts[0] is.
COLLIDE_HD std::uint32_t last_start(const std::uint32_t* starts, std::uint32_t count, std::uint32_t value) {
  std::uint32_t low = 0, high = count;
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (load(starts + middle) <= value) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

// Writes the checked id at this position, or its replacement; false when the index was bad.
COLLIDE_HD bool check_index(const CheckArguments& args, std::uint32_t position) {
  std::uint64_t index = 0;
  if (args.type == IntegerType::kU32) {
    index = widened(load(static_cast<const std::uint32_t*>(args.indices) + position));
  } else if (args.type == IntegerType::kI32) {
    index = widened(load(static_cast<const std::int32_t*>(args.indices) + position));
  } else {
    index = widened(load(static_cast<const std::int64_t*>(args.indices) + position));
  }
  const std::uint32_t feature = last_start(args.first_ids, args.features, position);
  const std::uint64_t cardinality = load(args.cardinalities + feature);
  const bool good = index < cardinality;
  args.ids[position] = good ? static_cast<std::uint32_t>(index) : replacement_id(args.policy, index, cardinality);
  return good;
}

template <int kPack, typename T = float>
struct Pack {
  T values[kPack];
};

template <int kPack>
COLLIDE_HD Pack<kPack> load_pack(const float* address) {
#ifdef __CUDA_ARCH__
  if constexpr (kPack == 4) {
    const float4 wide = __ldg(reinterpret_cast<const float4*>(address));
    return {{wide.x, wide.y, wide.z, wide.w}};
  } else if constexpr (kPack == 2) {
    const float2 wide = __ldg(reinterpret_cast<const float2*>(address));
    return {{wide.x, wide.y}};
  } else {
    return {{__ldg(address)}};
  }
#else
  Pack<kPack> pack;
  for (int j = 0; j < kPack; ++j) pack.values[j] = address[j];
  return pack;
#endif
}

template <int kPack>
COLLIDE_HD void store_pack(float* address, const Pack<kPack>& pack, bool aligned) {
#ifdef __CUDA_ARCH__
  if constexpr (kPack == 4) {
    if (aligned) {
      *reinterpret_cast<float4*>(address) = make_float4(pack.values[0], pack.values[1], pack.values[2], pack.values[3]);
      return;
    }
  } else if constexpr (kPack == 2) {
    if (aligned) {
      *reinterpret_cast<float2*>(address) = make_float2(pack.values[0], pack.values[1]);
      return;
    }
  }
#endif
  static_cast<void>(aligned);
  for (int j = 0; j < kPack; ++j) address[j] = pack.values[j];
}

// Adds the packs of kIds consecutive ids: all reads are issued before the first sum.
template <int kPack, int kIds>
COLLIDE_HD void add_ids(const LookupArguments& args, const DeviceTable& table, std::uint32_t first, std::uint32_t width,
                        std::uint32_t column, Pack<kPack>& sum) {
  std::uint32_t ids[kIds], rows[kIds];
  Pack<kPack> packs[kIds] = {};
  for (int k = 0; k < kIds; ++k) ids[k] = load(args.ids + first + k);
  rows_of_ids(table.hash, ids, rows);
  for (int k = 0; k < kIds; ++k) {
    if (rows[k] != kPruned) packs[k] = load_pack<kPack>(table.weights + std::uint64_t{rows[k]} * width + column);
  }
  for (int k = 0; k < kIds; ++k) {
    if (rows[k] == kPruned) continue;
    const float scale = args.weights == nullptr ? 1.0f : load(args.weights + first + k);  // 1 * x is x, bit for bit
    for (int j = 0; j < kPack; ++j) sum.values[j] += scale * packs[k].values[j];
  }
}

// The same for rows that are multiplied. A pruned id's row is zeros.
template <int kPack, int kIds>
COLLIDE_HD void add_products(const LookupArguments& args, const Segment& segment, std::uint32_t first,
                             std::uint32_t column, Pack<kPack>& sum) {
  std::uint32_t ids[kIds], rows[kIds];
  Pack<kPack> products[kIds];
  for (int k = 0; k < kIds; ++k) ids[k] = load(args.ids + first + k);
  COLLIDE_ROLLED
  for (std::uint32_t t = 0; t < segment.tables; ++t) {
    const DeviceTable& table = args.tables[segment.first_table + t];
    rows_of_ids(table.hash, ids, rows);
    for (int k = 0; k < kIds; ++k) {
      Pack<kPack> row{};
      if (rows[k] != kPruned) {
        row = load_pack<kPack>(table.weights + std::uint64_t{rows[k]} * segment.width + column);
        for (int j = 0; t > 0 && j < kPack; ++j) row.values[j] *= products[k].values[j];
      }
      products[k] = row;
    }
  }
  for (int k = 0; k < kIds; ++k) {
    const float scale = args.weights == nullptr ? 1.0f : load(args.weights + first + k);
    for (int j = 0; j < kPack; ++j) sum.values[j] += scale * products[k].values[j];
  }
}

template <int kPack>
COLLIDE_HD void add_tables(const LookupArguments& args, const Segment& segment, std::uint32_t begin, std::uint32_t end,
                           std::uint32_t column, Pack<kPack>& sum) {
  if (segment.product) {
    COLLIDE_ROLLED
    for (std::uint32_t i = begin; i < end; ++i) add_products<kPack, 1>(args, segment, i, column, sum);
    return;
  }
  COLLIDE_ROLLED
  for (std::uint32_t t = 0; t < segment.tables; ++t) {
    const DeviceTable& table = args.tables[segment.first_table + t];
    std::uint32_t i = begin;
    COLLIDE_ROLLED
    for (; end - i >= kIdsAtOnce; i += kIdsAtOnce) {
      add_ids<kPack, kIdsAtOnce>(args, table, i, segment.width, column, sum);
    }
    COLLIDE_ROLLED
    for (; i < end; ++i) add_ids<kPack, 1>(args, table, i, segment.width, column, sum);
  }
}

// Pools one pack of columns of one bag (or of one position of it).
template <int kPack>
COLLIDE_HD void pool_pack(const LookupArguments& args, const Segment& segment, std::uint64_t bag, std::uint32_t chunk) {
  const std::uint32_t* offsets = args.offsets + segment.first_bag + bag;
  std::uint32_t begin = load(offsets), end = load(offsets + 1);
  std::uint32_t position = 0;
  if (segment.positions > 1) {
    // Position p of a sequence is a bag of the p-th id alone, or an empty one behind the last id.
    position = chunk / segment.packs;
    chunk -= position * segment.packs;
    begin = end - begin > position ? begin + position : end;
    end = begin == end ? end : begin + 1;
  }
  const std::uint32_t column = chunk * kPack;
  Pack<kPack> sum{};
  if (end - begin <= kLongBag) {
    add_tables(args, segment, begin, end, column, sum);
  } else {
    Pack<kPack, double> wide{};
    COLLIDE_ROLLED
    for (std::uint32_t start = begin; start < end;) {
      const std::uint32_t stop = end - start < kLongBag ? end : start + kLongBag;  // not above end: it cannot wrap
      Pack<kPack> piece{};
      add_tables(args, segment, start, stop, column, piece);
      for (int j = 0; j < kPack; ++j) wide.values[j] += piece.values[j];
      start = stop;
    }
    for (int j = 0; j < kPack; ++j) sum.values[j] = static_cast<float>(wide.values[j]);
  }
  if (segment.mean && end > begin) {
    const float share = 1.0f / static_cast<float>(end - begin);
    for (int j = 0; j < kPack; ++j) sum.values[j] *= share;
  }
  float* target =
      args.out + segment.base + bag * segment.stride + std::uint64_t{position} * segment.position_stride + column;
  store_pack<kPack>(target, sum, segment.aligned_output);
}

COLLIDE_HD void lookup_thread(const LookupArguments& args, std::uint32_t block, std::uint32_t thread) {
  const std::uint32_t s = last_start(args.first_block, args.segment_count, block);
  const Segment& segment = args.segments[s];
  const std::uint32_t group = thread / segment.lanes;
  if (group >= segment.bags_per_block) return;
  const std::uint64_t bag = std::uint64_t{block - load(args.first_block + s)} * segment.bags_per_block + group;
  if (bag >= segment.bags) return;
  const std::uint32_t chunks = segment.positions * segment.packs;
  for (std::uint32_t chunk = thread - group * segment.lanes; chunk < chunks; chunk += segment.lanes) {
    if (segment.pack == 4) {
      pool_pack<4>(args, segment, bag, chunk);
    } else if (segment.pack == 2) {
      pool_pack<2>(args, segment, bag, chunk);
    } else {
      pool_pack<1>(args, segment, bag, chunk);
    }
  }
}

}  // namespace collide::cuda
