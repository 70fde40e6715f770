// A stand-in for the few calls of the CUDA runtime that the host code makes: "device" memory is host memory of a set
// size, copies happen at once, and the next call of a name can be made to fail. With it on the include path host code
// runs, sanitizers included, on machines that have neither a device nor the toolkit.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorInvalidDeviceFunction = 98,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidKernelImage = 200,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorInvalidPtx = 218,
  cudaErrorJitCompilerNotFound = 221,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorJitCompilationDisabled = 223,
  cudaErrorLaunchFailure = 719
};
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
inline std::string failing;  // name of the call that fails next, with `error`
inline cudaError_t error = cudaErrorLaunchFailure;
inline int driver = 13000, runtime = 13000, devices = 1, capability = 90;
inline int current = 0;    // device
inline int elsewhere = 0;  // calls that should have been made on device 0, and were made on another
inline void on_device_0() {
  if (current != 0) ++elsewhere;
}

inline std::size_t used() {
  std::size_t bytes = 0;
  for (const auto& [address, size] : blocks) bytes += size;
  return bytes;
}
inline cudaError_t status(const char* name) {
  if (failing != name) return cudaSuccess;
  failing.clear();
  return error;
}

}  // namespace fake_cuda

struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  int major, minor;
};

inline const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaErrorLaunchFailure ? "unspecified launch failure" : "another failure";
}
inline const char* cudaGetErrorName(cudaError_t status) {
  return status == cudaErrorLaunchFailure ? "cudaErrorLaunchFailure" : "cudaErrorOther";
}
inline cudaError_t cudaDriverGetVersion(int* version) {
  *version = fake_cuda::driver;
  return fake_cuda::status("cudaDriverGetVersion");
}
inline cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = fake_cuda::runtime;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = fake_cuda::devices;
  return fake_cuda::status("cudaGetDeviceCount");
}
inline cudaError_t cudaGetDevice(int* device) {
  *device = fake_cuda::current;
  return fake_cuda::status("cudaGetDevice");
}
inline cudaError_t cudaSetDevice(int device) {
  const cudaError_t status = fake_cuda::status("cudaSetDevice");
  if (status == cudaSuccess) fake_cuda::current = device;
  return status;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  std::strcpy(properties->name, "Fake 9000");
  properties->totalGlobalMem = fake_cuda::total;
  properties->major = fake_cuda::capability / 10, properties->minor = fake_cuda::capability % 10;
  return fake_cuda::status("cudaGetDeviceProperties");
}
inline cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  fake_cuda::on_device_0();
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
  fake_cuda::on_device_0();
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
  fake_cuda::on_device_0();
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
  fake_cuda::on_device_0();
  std::memcpy(to, from, bytes);
  return fake_cuda::status("cudaMemcpyAsync");
}
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  fake_cuda::on_device_0();
  std::memcpy(to, from, bytes);
  return fake_cuda::status("cudaMemcpy");
}
inline cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  std::memset(to, value, bytes);
  return fake_cuda::status("cudaMemset");
}
inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  std::memset(to, value, bytes);
  return fake_cuda::status("cudaMemsetAsync");
}
