// Zeroed memory for tables: 2 MiB aligned and advised as huge pages when large, 64-byte aligned when small.
#pragma once

#include <cstddef>
#include <utility>

namespace collide {

class Memory {
 public:
  Memory() = default;
  // Throws Error OUT_OF_MEMORY naming the bytes wanted and `what` they were for.
  Memory(std::size_t bytes, const char* what);
  ~Memory();
  Memory(Memory&& other) noexcept { swap(other); }
  Memory& operator=(Memory&& other) noexcept {
    swap(other);
    return *this;
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Throws as the constructor does.
  Memory copy(const char* what) const;

  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void swap(Memory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_, other.mapped_);
  }

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  void* mapping_ =
      nullptr;  // set when the memory came from mmap: the whole mapping, of which data_ is the aligned part
  std::size_t mapped_ = 0;
};

// Bytes that can still be touched before the kernel starts killing: available memory and free swap, within the limit of
// the control group. The largest size_t where the system does not say.
std::size_t available_memory();

}  // namespace collide
