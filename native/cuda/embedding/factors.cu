#include "cuda/embedding/factors.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

struct Place {
  const float* gradient;  // of the bag, or of the position of a sequence
  float share;            // of its bag's mean
};

__device__ Place place_of(const FactorArguments& args, std::uint32_t position) {
  const std::uint32_t bag = last_start(args.offsets, args.bags, position);
  const std::uint32_t begin = load(args.offsets + bag), end = load(args.offsets + bag + 1);
  const std::uint32_t column = args.pooling == Pooling::kNone ? (position - begin) * args.dim : 0;
  return {args.gradient + bag * args.stride + column,
          args.pooling == Pooling::kMean ? 1.0f / static_cast<float>(end - begin) : 1.0f};
}

// Columns of the row that a hash function gives an id, zeros for a pruned one.
template <int kPack>
__device__ Pack<kPack> row_of(const FactorArguments& args, std::uint32_t hash, std::uint32_t id, std::uint32_t column) {
  const std::uint32_t ids[1] = {id};
  std::uint32_t rows[1];
  rows_of_ids(args.tables[hash].hash, ids, rows);
  if (rows[0] == kPruned) return {};
  return load_pack<kPack>(args.tables[hash].weights + std::uint64_t{rows[0]} * args.width + column);
}

__global__ void __launch_bounds__(kBlockThreads, 4)
    weight_gradients(const __grid_constant__ FactorArguments args, float* out) {
  const std::uint64_t nth = std::uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x;
  if (nth >= args.count) return;
  const std::uint32_t position = args.first_id + static_cast<std::uint32_t>(nth), id = load(args.ids + position);
  const Place place = place_of(args, position);
  const std::uint32_t apart = args.combine == Combine::kConcat ? args.width : 0;
  double dot = 0;
  for (std::uint32_t j = 0; j < args.width; ++j) {
    if (args.combine == Combine::kMultiply) {
      float product = row_of<1>(args, 0, id, j).values[0];
      for (std::uint32_t h = 1; h < args.hashes; ++h) product *= row_of<1>(args, h, id, j).values[0];
      dot += double{load(place.gradient + j)} * product;
    } else {
      for (std::uint32_t h = 0; h < args.hashes; ++h) {
        dot += double{load(place.gradient + h * apart + j)} * row_of<1>(args, h, id, j).values[0];
      }
    }
  }
  out[position] = static_cast<float>(dot * place.share);
}

template <int kPack>
__global__ void __launch_bounds__(kBlockThreads, 4)
    factor_gradients(const __grid_constant__ FactorArguments args, float* out) {
  const std::uint32_t packs = args.width / kPack;
  const std::uint64_t thread = std::uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x;
  const std::uint64_t nth = thread / packs;
  if (nth >= args.count) return;
  const auto column = static_cast<std::uint32_t>(thread - nth * packs) * kPack;
  const std::uint32_t position = args.first_id + static_cast<std::uint32_t>(nth), id = load(args.ids + position);
  const Place place = place_of(args, position);
  const float coefficient = args.weights == nullptr ? place.share : load(args.weights + position) * place.share;
  for (std::uint32_t h = 0; h < args.hashes; ++h) {
    Pack<kPack> value;
    for (int j = 0; j < kPack; ++j) value.values[j] = coefficient * load(place.gradient + column + j);
    for (std::uint32_t k = 0; k < args.hashes; ++k) {
      if (k == h) continue;
      const Pack<kPack> row = row_of<kPack>(args, k, id, column);
      for (int j = 0; j < kPack; ++j) value.values[j] *= row.values[j];
    }
    store_pack<kPack>(out + (std::uint64_t{h} * args.count + nth) * args.width + column, value, true);
  }
}

unsigned blocks_for(std::uint64_t threads) {
  return static_cast<unsigned>((threads + kBlockThreads - 1) / kBlockThreads);
}

}  // namespace

void launch_weight_gradients(const FactorArguments& args, float* out, cudaStream_t stream) {
  if (args.count == 0) return;
  weight_gradients<<<blocks_for(args.count), kBlockThreads, 0, stream>>>(args, out);
  check(cudaGetLastError(), "launch the gradients of weights");
}

void launch_factor_gradients(const FactorArguments& args, float* out, cudaStream_t stream) {
  if (args.count == 0) return;
  const std::uint32_t pack = pack_of(args.width);
  const unsigned blocks = blocks_for(std::uint64_t{args.count} * (args.width / pack));
  if (pack == 4) {
    factor_gradients<4><<<blocks, kBlockThreads, 0, stream>>>(args, out);
  } else if (pack == 2) {
    factor_gradients<2><<<blocks, kBlockThreads, 0, stream>>>(args, out);
  } else {
    factor_gradients<1><<<blocks, kBlockThreads, 0, stream>>>(args, out);
  }
  check(cudaGetLastError(), "launch the gradients of factors");
}

}  // namespace collide::cuda
