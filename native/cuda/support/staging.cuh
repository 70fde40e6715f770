// Arrays that go to the device together: laid side by side in pinned host memory, taken over by one copy, read at the
// same places of one block of device memory. A later batch reuses both, when nothing reads them any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

class Staging {
 public:
  // Where an array of T is, in bytes from the beginning.
  template <typename T>
  struct Place {
    std::size_t at = 0;
  };

  // Forgets the arrays; keeps the memory.
  void clear() {
    arrays_.clear();
    bytes_ = 0;
  }

  // The values are read by fill(), and not after it.
  template <typename T>
  Place<T> add(const T* values, std::size_t count) {
    const Place<T> place{bytes_};
    arrays_.push_back({values, count * sizeof(T), bytes_});
    bytes_ += (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return place;
  }

  // Makes room for all arrays, then copies them. Throws Error OUT_OF_MEMORY.
  void fill(const char* what) {
    host_.reserve(bytes_, what);
    device_.reserve(bytes_, what);
    for (const Array& array : arrays_) {
      if (array.bytes > 0) std::memcpy(host_.data() + array.at, array.values, array.bytes);
    }
  }

  // After fill(): starts the copy. Until it is done the host's side must stay as it is.
  void upload(const Stream& stream, const char* operation) const {
    device_.upload(host_.data(), bytes_, stream, operation);
  }

  template <typename T>
  T* host(Place<T> place) const {
    return reinterpret_cast<T*>(host_.data() + place.at);
  }
  template <typename T>
  const T* device(Place<T> place) const {
    return reinterpret_cast<const T*>(device_.data() + place.at);
  }

 private:
  static constexpr std::size_t kAlignment = 16;  // of the widest load

  struct Array {
    const void* values;
    std::size_t bytes, at;
  };
  std::vector<Array> arrays_;
  std::size_t bytes_ = 0;
  PinnedArray<std::uint8_t> host_;
  DeviceArray<std::uint8_t> device_;
};

}  // namespace collide::cuda
