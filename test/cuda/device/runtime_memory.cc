// Memory calls. Copies are checked for their bounds, and copies to the host for bytes never written. Those of a stream
// are its work (streams.h) where their host memory is pinned; from other memory they read at once, to other memory they
// write at once, as a device's do.
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "memory.h"
#include "programs.h"
#include "runtime.h"
#include "streams.h"

namespace {

using namespace test_device;

std::uint64_t address_of_pointer(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

// The device memory that [pointer, pointer + bytes) lies in; null: host memory. Throws a Finding where it leaves it.
Region* device_region(const void* pointer, std::size_t bytes, const char* call) {
  Region* region = GlobalMemory::instance().find(address_of_pointer(pointer));
  if (region != nullptr && !region->contains(address_of_pointer(pointer), bytes)) {
    throw Finding("out of bounds", text("out of bounds: ", call, " of ", bytes, " bytes at byte ",
                                        address_of_pointer(pointer) - region->base, " of ", region->name));
  }
  return region;
}

std::uint8_t* state_of(const Region& region, const void* pointer) {
  return region.state + (address_of_pointer(pointer) - region.base);
}

// Pinned host memory: where each block of it ends.
std::map<std::uint64_t, std::uint64_t>& pinned_blocks() {
  static auto* blocks = new std::map<std::uint64_t, std::uint64_t>;
  return *blocks;
}

bool pinned(const void* pointer, std::size_t bytes) {
  const auto next = pinned_blocks().upper_bound(address_of_pointer(pointer));
  return next != pinned_blocks().begin() && address_of_pointer(pointer) + bytes <= std::prev(next)->second;
}

void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return;
  const Region* target = device_region(to, bytes, "a copy to device memory");
  const Region* source = device_region(from, bytes, "a copy from device memory");
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind != cudaMemcpyDefault && (to_device != (target != nullptr) || from_device != (source != nullptr))) {
    throw Finding("out of bounds", text("out of bounds: a copy of ", bytes,
                                        " bytes where host and device memory are not where its kind says"));
  }
  if (source != nullptr && target == nullptr) {
    const std::uint8_t* state = state_of(*source, from);
    const std::uint8_t* bad = std::find_if(state, state + bytes, [](std::uint8_t s) { return s != kDefined; });
    if (bad != state + bytes) {
      throw Finding("uninitialised value", text("uninitialised value: a copy to the host of byte ", bad - source->state,
                                                " of ", source->name, ", which was never written"));
    }
  }
  std::memmove(to, from, bytes);
  if (target == nullptr) return;
  if (source != nullptr) {
    std::memmove(state_of(*target, to), state_of(*source, from), bytes);
  } else {
    std::memset(state_of(*target, to), kDefined, bytes);
  }
}

cudaError_t allocate(void** pointer, std::size_t bytes) {
  return guarded([&] {
    *pointer = nullptr;
    expect_device_0("an allocation");
    if (bytes == 0) return cudaSuccess;
    static std::uint64_t count = 0;
    const std::uint64_t address = GlobalMemory::instance().allocate(bytes, text("allocation ", ++count));
    *pointer = reinterpret_cast<void*>(address);
    return address == 0 ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}

// Waits for all work, as a device does. Frees even after a finding: destructors run then.
cudaError_t release(void* pointer) {
  const std::lock_guard lock(runtime().mutex);
  finish_all();
  if (pointer == nullptr || GlobalMemory::instance().release(address_of_pointer(pointer))) return runtime().sticky;
  return failed(cudaErrorInvalidValue);
}

cudaError_t set(void* pointer, int value, std::size_t bytes) {
  return guarded([&] {
    if (bytes == 0) return cudaSuccess;
    const Region* region = device_region(pointer, bytes, "a memset");
    if (region == nullptr) return cudaErrorInvalidValue;
    std::memset(pointer, value, bytes);
    std::memset(state_of(*region, pointer), kDefined, bytes);
    return cudaSuccess;
  });
}

cudaError_t copy_now(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return guarded([&] {
    copy(to, from, bytes, kind);
    return cudaSuccess;
  });
}

cudaError_t copy_in_stream(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const std::lock_guard lock(runtime().mutex);
  const bool up = kind == cudaMemcpyHostToDevice, down = kind == cudaMemcpyDeviceToHost;
  const bool free = (!up && !down) || pinned(up ? from : to, bytes);
  report_copy(up, down, bytes, free);
  if (up && !free) {
    const auto* const bytes_now = static_cast<const std::uint8_t*>(from);
    return submit(stream, [=, held = std::vector<std::uint8_t>(bytes_now, bytes_now + bytes)] {
      return copy_now(to, held.data(), bytes, kind);
    });
  }
  const cudaError_t status = submit(stream, [=] { return copy_now(to, from, bytes, kind); });
  return down && !free ? finish(stream) : status;
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return allocate(pointer, bytes);
}
cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t) {
  return allocate(pointer, bytes);
}
cudaError_t cudaFree(void* pointer) {
  return release(pointer);
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t) {
  return release(pointer);
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  const std::lock_guard lock(runtime().mutex);
  *pointer = std::malloc(std::max<std::size_t>(bytes, 1));
  if (*pointer == nullptr) return failed(cudaErrorMemoryAllocation);
  pinned_blocks()[address_of_pointer(*pointer)] = address_of_pointer(*pointer) + bytes;
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return cudaMallocHost(pointer, bytes);
}
cudaError_t cudaFreeHost(void* pointer) {
  const std::lock_guard lock(runtime().mutex);
  pinned_blocks().erase(address_of_pointer(pointer));
  std::free(pointer);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return copy_now(to, from, bytes, kind);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const cudaError_t status = guarded([] {
    expect_device_0("a copy");
    return cudaSuccess;
  });
  if (status != cudaSuccess) return status;
  return copy_in_stream(to, from, bytes, kind, stream);
}
cudaError_t cudaMemset(void* pointer, int value, std::size_t bytes) {
  return set(pointer, value, bytes);
}
cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  return submit(stream, [=] { return set(pointer, value, bytes); });
}

cudaError_t cudaGetSymbolAddress(void** pointer, const void* symbol) {
  return guarded([&] {
    *pointer = reinterpret_cast<void*>(address_of(symbol));
    return *pointer == nullptr ? cudaErrorInvalidSymbol : cudaSuccess;
  });
}
cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, std::size_t bytes, std::size_t offset,
                               cudaMemcpyKind kind) {
  return guarded([&] {
    const std::uint64_t address = address_of(symbol);
    if (address == 0) return cudaErrorInvalidSymbol;
    copy(reinterpret_cast<void*>(address + offset), from, bytes, kind);
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const std::lock_guard lock(runtime().mutex);
  *total = GlobalMemory::instance().total();
  *free = *total - GlobalMemory::instance().used();
  return cudaSuccess;
}

}  // extern "C"
