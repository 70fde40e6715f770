// A stand-in for the few calls of the CUDA runtime that the host code makes: "device" memory is host memory of a set
// size, copies happen at once, and the next call of a name can be made to fail. With it on the include path host code
// runs, sanitizers included, on machines that have neither a device nor the toolkit.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorLaunchFailure = 719 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
using cudaStream_t = int*;
using cudaEvent_t = int*;
struct uint2 {
  unsigned x, y;
};
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

namespace fake_cuda {

inline std::size_t total = std::size_t{1} << 30;
inline std::map<void*, std::size_t> blocks;
inline std::string failing;  // name of the call that fails next

inline std::size_t used() {
  std::size_t bytes = 0;
  for (const auto& [address, size] : blocks) bytes += size;
  return bytes;
}
inline cudaError_t status(const char* name) {
  if (failing != name) return cudaSuccess;
  failing.clear();
  return cudaErrorLaunchFailure;
}

}  // namespace fake_cuda

inline const char* cudaGetErrorString(cudaError_t) {
  return "unspecified launch failure";
}
inline const char* cudaGetErrorName(cudaError_t) {
  return "cudaErrorLaunchFailure";
}
inline cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new int;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return fake_cuda::status("cudaStreamSynchronize");
}
inline cudaError_t cudaDeviceSynchronize() {
  return cudaSuccess;
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  return cudaSuccess;
}
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new int;
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t) {
  return cudaSuccess;
}
inline cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = fake_cuda::total - fake_cuda::used();
  *total = fake_cuda::total;
  return cudaSuccess;
}
// Exactly as many bytes as asked for, so that a sanitizer sees every read past them.
inline cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  if (bytes > fake_cuda::total - fake_cuda::used()) return cudaErrorMemoryAllocation;
  *data = std::malloc(bytes);
  std::memset(*data, 0xff, bytes);  // NaN, and ids that no table has
  fake_cuda::blocks[*data] = bytes;
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* data) {
  fake_cuda::blocks.erase(data);
  std::free(data);
  return cudaSuccess;
}
// Pinned memory, which the host has without end.
inline cudaError_t cudaMallocHost(void** data, std::size_t bytes) {
  *data = std::malloc(bytes);
  return *data == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}
inline cudaError_t cudaFreeHost(void* data) {
  std::free(data);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  return fake_cuda::status("cudaMemcpyAsync");
}
inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  std::memset(to, value, bytes);
  return fake_cuda::status("cudaMemsetAsync");
}
