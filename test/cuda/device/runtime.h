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
