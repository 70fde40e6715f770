// Device memory, pinned host memory, streams and events that free themselves, and CUDA errors as collide::Error:
// CUDA_FAILED names the operation, OUT_OF_MEMORY says the bytes wanted and the bytes free.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#include "core/support/error.h"

namespace collide::cuda {

inline void check(cudaError_t status, const char* operation) {
  if (status == cudaSuccess) return;
  fail("CUDA_FAILED", "The CUDA runtime could not ", operation, ": ", cudaGetErrorString(status), " (",
       cudaGetErrorName(status), ")");
}

// A point in a stream's work that others can wait for.
class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "create an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  cudaEvent_t get() const { return event_; }
  // The host waits; not at all for an event that was never recorded.
  void wait(const char* operation) const { check(cudaEventSynchronize(event_), operation); }

 private:
  cudaEvent_t event_ = nullptr;
};

class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream"); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t get() const { return stream_; }
  void wait(const char* operation) const { check(cudaStreamSynchronize(stream_), operation); }
  // What is put on this stream from now on begins when `event` has come to pass, as it is recorded now.
  void wait_for(const Event& event) const { check(cudaStreamWaitEvent(stream_, event.get(), 0), "order two streams"); }
  void record(const Event& event) const { check(cudaEventRecord(event.get(), stream_), "record an event"); }

 private:
  cudaStream_t stream_ = nullptr;
};

// An array of T in device memory, aligned to 256 bytes. Not initialised.
template <typename T>
class DeviceArray {
 public:
  DeviceArray() = default;
  // Throws Error OUT_OF_MEMORY naming `what` the memory was for.
  DeviceArray(std::size_t count, const char* what) : capacity_(count) {
    if (count == 0) return;
    const std::size_t bytes = count * sizeof(T);
    const cudaError_t status = cudaMalloc(reinterpret_cast<void**>(&data_), bytes);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // this error is ours now: the next launch must not report it
      std::size_t free = 0, total = 0;
      cudaMemGetInfo(&free, &total);
      fail("OUT_OF_MEMORY", "Could not allocate ", bytes, " bytes on the CUDA device for ", what, ": ", free, " of ",
           total, " bytes are free");
    }
    check(status, "allocate device memory");
  }
  ~DeviceArray() { cudaFree(data_); }  // fails harmlessly when the process is ending
  DeviceArray(DeviceArray&& other) noexcept { swap(other); }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    swap(other);
    return *this;
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }

  // Room for `count` elements; what was in it is lost when it has to grow.
  void reserve(std::size_t count, const char* what) {
    if (count <= capacity_) return;
    if (data_ != nullptr) check(cudaDeviceSynchronize(), "wait for the device");  // work in flight may use it
    *this = DeviceArray();                                                        // free first: both need not fit
    *this = DeviceArray(count, what);
  }

  // Copies from and to host memory, in stream order: leave it alone until Stream::wait. `first`: of the elements here.
  void upload(const T* host, std::size_t count, const Stream& stream, const char* operation,
              std::size_t first = 0) const {
    if (count == 0) return;
    check(cudaMemcpyAsync(data_ + first, host, count * sizeof(T), cudaMemcpyHostToDevice, stream.get()), operation);
  }
  void download(T* host, std::size_t count, const Stream& stream, const char* operation, std::size_t first = 0) const {
    if (count == 0) return;
    check(cudaMemcpyAsync(host, data_ + first, count * sizeof(T), cudaMemcpyDeviceToHost, stream.get()), operation);
  }
  void clear(std::size_t count, const Stream& stream, const char* operation) const {
    if (count == 0) return;
    check(cudaMemsetAsync(data_, 0, count * sizeof(T), stream.get()), operation);
  }

 private:
  void swap(DeviceArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
  }

  T* data_ = nullptr;
  std::size_t capacity_ = 0;
};

// Host memory that the device copies from and to while the host goes on. Not initialised, and lost when it grows.
template <typename T>
class PinnedArray {
 public:
  PinnedArray() = default;
  ~PinnedArray() { cudaFreeHost(data_); }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;

  T* data() const { return data_; }

  // No copy of it may be in flight. Throws Error OUT_OF_MEMORY.
  void reserve(std::size_t count, const char* what) {
    if (count <= capacity_) return;
    cudaFreeHost(data_);
    data_ = nullptr, capacity_ = 0;
    const std::size_t bytes = count * sizeof(T);
    const cudaError_t status = cudaMallocHost(reinterpret_cast<void**>(&data_), bytes);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      fail("OUT_OF_MEMORY", "Could not allocate ", bytes, " bytes of pinned host memory for ", what);
    }
    check(status, "allocate pinned host memory");
    capacity_ = count;
  }

 private:
  T* data_ = nullptr;
  std::size_t capacity_ = 0;
};

// Room for CUB's temporaries, kept between calls.
class Scratch {
 public:
  // call(temporary, bytes): a CUB function, called to ask for its bytes, then to run.
  template <typename Call>
  void run(const char* operation, Call call) {
    std::size_t bytes = reserve(operation, call);
    check(call(room_.data(), bytes), operation);
  }

  // Room for a run to come, which then allocates nothing. Returns its bytes.
  template <typename Call>
  std::size_t reserve(const char* operation, Call call) {
    std::size_t bytes = 0;
    check(call(nullptr, bytes), operation);
    room_.reserve(bytes > 0 ? bytes : 1, "the temporaries of a sort or scan");
    return bytes;
  }

 private:
  DeviceArray<char> room_;
};

}  // namespace collide::cuda
