#include "cuda/clustering/key_sort.cuh"

#include <cub/device/device_radix_sort.cuh>

#include "core/support/random.h"
#include "cuda/clustering/ordered_bits.cuh"
#include "cuda/clustering/threads.cuh"

namespace collide::cuda {

namespace {

constexpr const char* kWhat = "the sort of ids by key";

__global__ void __launch_bounds__(kThreads) mix_ids(std::size_t n, std::uint64_t* keys, std::uint32_t* ids) {
  const std::size_t id = global_thread();
  if (id >= n) return;
  keys[id] = mix64(id);
  ids[id] = static_cast<std::uint32_t>(id);
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    keys_of_ids(const T* values, std::size_t stride, const std::uint32_t* ids, std::size_t n, std::uint64_t* keys) {
  const std::size_t place = global_thread();
  if (place < n) keys[place] = ordered_bits(static_cast<double>(values[ids[place] * stride]));
}

}  // namespace

KeySort::KeySort(std::size_t n, const Stream& stream)
    : n_(n), stream_(stream), keys_(n, kWhat), sorted_(n, kWhat), mixed_(n, kWhat) {
  const DeviceArray<std::uint32_t> ids(n, kWhat);
  mix_ids<<<blocks_for(n), kThreads, 0, stream_.get()>>>(n, keys_.data(), ids.data());
  sort(ids.data(), mixed_.data(), 0);
  stream_.wait(kWhat);  // ids go
}

void KeySort::sort(const std::uint32_t* from, std::uint32_t* to, int lowest_bit) {
  check(cudaGetLastError(), "launch the sort of ids by key");
  scratch_.run("sort ids by key", [&](void* room, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(room, bytes, keys_.data(), sorted_.data(), from, to, n_, lowest_bit, 64,
                                           stream_.get());
  });
}

template <typename T>
void KeySort::order_by(const T* values, std::size_t stride, int lowest_bit, std::uint32_t* ids) {
  keys_of_ids<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(values, stride, mixed_.data(), n_, keys_.data());
  sort(mixed_.data(), ids, lowest_bit);
}

void KeySort::order(const double* values, std::size_t stride, std::uint32_t* ids) {
  order_by(values, stride, 0, ids);
}

void KeySort::order(const float* values, std::size_t stride, std::uint32_t* ids) {
  order_by(values, stride, 29, ids);  // the mantissa's last 29 bits are those of every float of the sign
}

}  // namespace collide::cuda
