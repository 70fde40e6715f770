// What the stand-ins of the runtime's calls share: one lock, and the error that stays. A finding makes every later call
// fail, as an error within a kernel does on a device; cudaGetErrorString tells what was found. cudaDeviceReset, alone,
// clears it (and nothing else), so that tests can go on.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

#include "finding.h"
#include "report.h"

namespace test_device {

struct Runtime {
  std::recursive_mutex mutex;
  cudaError_t sticky = cudaSuccess, last = cudaSuccess;
  std::string found;  // why sticky
};

inline Runtime& runtime() {
  static auto* instance = new Runtime;
  return *instance;
}

// What the test device was told to be by a variable of the environment; `otherwise` where it is not set.
inline int told(const char* variable, int otherwise) {
  const char* const value = std::getenv(variable);
  return value == nullptr || *value == '\0' ? otherwise : std::atoi(value);
}

// The calling thread's current device. Kernels and memory are on device 0 alone; that there are more, and that threads
// begin with another (TEST_DEVICE_COUNT, TEST_DEVICE_CURRENT), finds out who forgot to make it current.
inline int& current_device() {
  thread_local int device = told("TEST_DEVICE_CURRENT", 0);
  return device;
}
inline void expect_device_0(const char* call) {
  if (current_device() == 0) return;
  throw Finding("other device", text("other device: ", call, " while device ", current_device(), " is current"));
}

inline cudaError_t failed(cudaError_t error) {
  if (error != cudaSuccess) runtime().last = error;
  return error;
}

// Runs body under the lock; findings become the error that stays, limits of the test device end the process.
template <typename F>
cudaError_t guarded(F body) {
  const std::lock_guard lock(runtime().mutex);
  if (runtime().sticky != cudaSuccess) return runtime().sticky;
  try {
    return failed(body());
  } catch (const Finding& finding) {
    runtime().found = finding.what();
    runtime().sticky = finding.kind == "out of bounds" ? cudaErrorIllegalAddress
                       : finding.kind == "misaligned"  ? cudaErrorMisalignedAddress
                                                       : cudaErrorLaunchFailure;
    report_finding(finding.kind, finding.what());
    return failed(runtime().sticky);
  } catch (const Unsupported& problem) {
    std::fprintf(stderr, "test device: %s\n", problem.what());
    std::fflush(nullptr);
    std::abort();
  }
}

}  // namespace test_device
