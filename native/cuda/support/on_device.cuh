// The device that all of this runs on, made current for the life of an OnDevice: every call from outside begins with
// one. Which device is current belongs to the thread. A fresh one has device 0, but an application may have chosen
// another for its own kernels, and finds it again afterwards.
#pragma once

#include <cuda_runtime.h>

#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

inline constexpr int kDevice = 0;

class OnDevice {
 public:
  // Throws Error CUDA_FAILED.
  OnDevice() {
    check(cudaGetDevice(&before_), "ask for the current device");
    if (before_ != kDevice) check(cudaSetDevice(kDevice), "make the device current");
  }
  ~OnDevice() {
    if (before_ != kDevice) cudaSetDevice(before_);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = kDevice;
};

}  // namespace collide::cuda
