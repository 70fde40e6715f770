#include "cuda/support/probe.cuh"

#include <cuda_runtime.h>

#include <array>
#include <mutex>
#include <string>

#include "core/support/error.h"
#include "cuda/support/on_device.cuh"
#include "cuda/support/probe_launch.cuh"

namespace collide::cuda {

namespace {

#ifndef COLLIDE_CUDA_BUILT_FOR  // by CMakeLists.txt
#define COLLIDE_CUDA_BUILT_FOR "unknown"
#endif

constexpr const char* kRebuild = "build on this machine (npm run build:native makes kernels for its device)";

std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// Within a major version machine code runs on every driver (CUDA's minor version compatibility).
int oldest_driver(int runtime) {
  return runtime / 1000 * 1000;
}

// The driver that a build needs: PTX alone wants one as new as the toolkit.
std::string needed_driver(const CudaProbe& probe) {
  const bool machine_code = probe.architectures.find("sm_") != std::string::npos;
  return "CUDA " + version(machine_code ? oldest_driver(probe.runtime) : probe.runtime) + " or later";
}

std::string both_versions(const CudaProbe& probe) {
  return "the driver supports CUDA up to " + version(probe.driver) + ", this build was made with CUDA " +
         version(probe.runtime);
}

CudaProbe unusable(CudaProbe probe, const std::string& reason) {
  cudaGetLastError();  // told here: the next call must not report it
  probe.reason = reason;
  return probe;
}

std::string described(cudaError_t status) {
  return std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")";
}

// Why a launch failed, from the errors that come of a build that does not fit the machine.
std::string launch_failure(const CudaProbe& probe, const std::string& name, cudaError_t status) {
  switch (status) {
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorInvalidPtx:
    case cudaErrorJitCompilerNotFound:
    case cudaErrorJitCompilationDisabled:
      return both_versions(probe) + " and has PTX alone for " + name + ", which needs a driver for CUDA " +
             version(probe.runtime) + " or later: update the driver, or " + kRebuild;
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidKernelImage:
    case cudaErrorInvalidDeviceFunction:
      return "this build has no kernels for " + name + ", only for " + probe.architectures + ": " + kRebuild;
    default:
      return name + " could not run a test kernel: " + described(status) + "; " + both_versions(probe);
  }
}

// What the test kernel wrote; zeros where it wrote nothing.
cudaError_t run_test(std::uint32_t seed, std::array<std::uint32_t, kTestValues>& values) {
  std::uint32_t* room = nullptr;
  cudaError_t status = cudaMalloc(reinterpret_cast<void**>(&room), sizeof values);
  if (status != cudaSuccess) return status;
  status = cudaMemset(room, 0, sizeof values);
  if (status == cudaSuccess) status = launch_test(room, seed);
  if (status == cudaSuccess) status = cudaMemcpy(values.data(), room, sizeof values, cudaMemcpyDeviceToHost);
  cudaFree(room);
  return status;
}

CudaProbe ask() {
  CudaProbe probe;
  probe.architectures = COLLIDE_CUDA_BUILT_FOR;
  probe.launch = "not made";
  cudaRuntimeGetVersion(&probe.runtime);
  probe.needs = needed_driver(probe);
  // cudaGetDeviceCount says "insufficient driver" when there is no driver at all, so ask for the driver first.
  if (cudaDriverGetVersion(&probe.driver) != cudaSuccess || probe.driver == 0) {
    probe.driver = 0;
    return unusable(probe, "no NVIDIA driver (libcuda) was found; this build needs one for " + probe.needs);
  }
  const std::string update = " and needs a driver for " + probe.needs + ": update the driver";
  if (probe.driver < oldest_driver(probe.runtime)) return unusable(probe, both_versions(probe) + update);
  int devices = 0;
  cudaError_t status = cudaGetDeviceCount(&devices);
  if (status == cudaErrorNoDevice || (status == cudaSuccess && devices == 0)) {
    return unusable(probe,
                    "the driver reports no CUDA device (CUDA_VISIBLE_DEVICES hides those that it does not name)");
  }
  if (status == cudaErrorInsufficientDriver) return unusable(probe, both_versions(probe) + update);
  if (status != cudaSuccess) return unusable(probe, "the CUDA runtime says: " + described(status));

  const OnDevice here;
  cudaDeviceProp properties;
  status = cudaGetDeviceProperties(&properties, kDevice);
  if (status != cudaSuccess) return unusable(probe, "device 0 cannot be queried: " + described(status));
  const std::string name = properties.name;
  const std::string capability = std::to_string(properties.major) + "." + std::to_string(properties.minor);
  if (properties.major * 10 + properties.minor < 75) {
    return unusable(probe, name + " has compute capability " + capability + ", and 7.5 is the least");
  }
  const std::uint32_t seed = 0x5eed;
  std::array<std::uint32_t, kTestValues> values{};
  status = run_test(seed, values);
  if (status != cudaSuccess) {
    probe.launch = described(status);
    return unusable(probe, launch_failure(probe, name + " (compute capability " + capability + ")", status));
  }
  for (std::uint32_t i = 0; i < kTestValues; ++i) {
    if (values[i] == test_value(seed, i)) continue;
    probe.launch = "wrong";
    return unusable(probe, name + " gave wrong results for a test kernel; " + both_versions(probe));
  }
  probe.launch = "right";
  probe.available = true;
  probe.reason = name + ", " + std::to_string(properties.totalGlobalMem >> 20) + " MiB";
  return probe;
}

}  // namespace

CudaProbe probe() {
  static std::mutex mutex;
  static CudaProbe known;
  const std::lock_guard lock(mutex);
  if (!known.available) {
    try {
      known = ask();
    } catch (const Error& error) {  // another device is current, and device 0 could not be made it
      known = unusable({}, error.what());
    }
  }
  return known;
}

}  // namespace collide::cuda
