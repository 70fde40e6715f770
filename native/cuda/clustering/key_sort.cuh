// Ids in the order of (key, mix64(id)) on the device: the first step of the learners that cut an order of ids, as
// cpu/clustering/key_sort.h with Ties::kByMix.
//
// Two stable radix sorts (CUB): all ids by mix64(id), once, and those by every set of keys: 8 passes of 24 bytes per id
// each, 5 for keys that are floats. 20 bytes per id and CUB's second buffers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

class KeySort {
 public:
  // Of the ids 0 .. n - 1.
  KeySort(std::size_t n, const Stream& stream);

  // Writes ids [n]; an id's key is values[id * stride].
  void order(const double* values, std::size_t stride, std::uint32_t* ids);
  void order(const float* values, std::size_t stride, std::uint32_t* ids);

 private:
  template <typename T>
  void order_by(const T* values, std::size_t stride, int lowest_bit, std::uint32_t* ids);
  void sort(const std::uint32_t* from, std::uint32_t* to, int lowest_bit);

  const std::size_t n_;
  const Stream& stream_;
  Scratch scratch_;
  DeviceArray<std::uint64_t> keys_, sorted_;
  DeviceArray<std::uint32_t> mixed_;
};

}  // namespace collide::cuda
