// The probe (cuda/support/probe.cc) on a stand-in for the CUDA runtime: every way in which a machine, a driver or a
// build can fall short, and what is said of it. Built with test/cuda/fake on the include path; no device is needed.
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "checks.h"
#define COLLIDE_CUDA_BUILT_FOR "sm_80 compute_90"
#include "cuda/support/probe.cc"

namespace {

using collide::CudaProbe;
using collide::checks::check;

int launches = 0;
bool writes_nothing = false;
cudaError_t launched = cudaSuccess;

}  // namespace

namespace collide::cuda {

cudaError_t launch_test(std::uint32_t* values, std::uint32_t seed) {
  ++launches;
  fake_cuda::on_device_0();
  if (launched != cudaSuccess) return launched;
  for (std::uint32_t i = 0; i < kTestValues && !writes_nothing; ++i) values[i] = test_value(seed, i);
  return cudaSuccess;
}

}  // namespace collide::cuda

namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Asks once, with the stand-in as it was set.
CudaProbe asked() {
  const CudaProbe probe = collide::cuda::ask();
  check(fake_cuda::blocks.empty(), "the probe frees its memory");
  return probe;
}

void refuses(const std::string& what, const std::vector<std::string>& parts, const std::string& launch = "not made") {
  const CudaProbe probe = asked();
  check(!probe.available && probe.launch == launch, what + ": refused, test kernel " + probe.launch);
  for (const std::string& part : parts) check(holds(probe.reason, part), what + ", said: " + probe.reason);
}

void machines() {
  fake_cuda::driver = 0;
  refuses("no driver", {"no NVIDIA driver (libcuda) was found", "needs one for CUDA 13.0 or later"});
  fake_cuda::driver = 12040;
  refuses("a driver of the last major version",
          {"the driver supports CUDA up to 12.4", "made with CUDA 13.0", "needs a driver for CUDA 13.0 or later"});
  check(launches == 0, "nothing is launched where the driver is too old");
  fake_cuda::driver = 13000;
  fake_cuda::devices = 0;
  refuses("no device", {"reports no CUDA device", "CUDA_VISIBLE_DEVICES"});
  fake_cuda::failing = "cudaGetDeviceCount", fake_cuda::error = cudaErrorNoDevice;
  refuses("no device, as an error", {"reports no CUDA device"});
  fake_cuda::devices = 1;
  fake_cuda::failing = "cudaGetDeviceCount", fake_cuda::error = cudaErrorInsufficientDriver;
  refuses("a driver that the runtime does not take", {"needs a driver for CUDA 13.0 or later"});
  fake_cuda::failing = "cudaGetDeviceCount", fake_cuda::error = cudaErrorLaunchFailure;
  refuses("any other error", {"the CUDA runtime says: unspecified launch failure (cudaErrorLaunchFailure)"});
  fake_cuda::failing = "cudaGetDeviceProperties";
  refuses("a device that cannot be asked", {"device 0 cannot be queried: unspecified launch failure"});
  fake_cuda::capability = 70;
  refuses("an old device", {"Fake 9000 has compute capability 7.0, and 7.5 is the least"});
  fake_cuda::capability = 90;
  check(launches == 0, "nothing was launched so far");
}

void launches_that_fail() {
  // Any driver of the toolkit's major version runs machine code; PTX needs one as new as the toolkit.
  fake_cuda::runtime = 13010, fake_cuda::driver = 13000;
  launched = cudaErrorUnsupportedPtxVersion;
  refuses("PTX of a newer toolkit",
          {"the driver supports CUDA up to 13.0, this build was made with CUDA 13.1",
           "PTX alone for Fake 9000 (compute capability 9.0), which needs a driver for CUDA 13.1 or later",
           "update the driver, or build on this machine (npm run build:native"},
          "another failure (cudaErrorOther)");
  launched = cudaErrorNoKernelImageForDevice;
  refuses("machine code for other devices",
          {"no kernels for Fake 9000 (compute capability 9.0), only for sm_80 compute_90", "build on this machine"},
          "another failure (cudaErrorOther)");
  launched = cudaErrorLaunchFailure;
  refuses("a kernel that fails", {"Fake 9000 (compute capability 9.0) could not run a test kernel: unspecified launch"},
          "unspecified launch failure (cudaErrorLaunchFailure)");
  launched = cudaSuccess;
  fake_cuda::failing = "cudaMemcpy";
  refuses("a device that fails while the kernel runs", {"could not run a test kernel"},
          "unspecified launch failure (cudaErrorLaunchFailure)");
  const std::size_t total = fake_cuda::total;
  fake_cuda::total = 100;
  refuses("no memory for the test", {"could not run a test kernel"}, "another failure (cudaErrorOther)");
  fake_cuda::total = total;
  writes_nothing = true;
  refuses("wrong results", {"Fake 9000 gave wrong results for a test kernel"}, "wrong");
  writes_nothing = false;
  check(asked().available, "machine code of a newer minor version runs");
  fake_cuda::runtime = 13000;
}

// The public probe: a device that can be used is asked once, by however many threads; any other again.
void once() {
  const auto concurrently = [] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back([] { collide::cuda::probe(); });
    for (std::thread& thread : threads) thread.join();
    return collide::cuda::probe();
  };
  writes_nothing = true;
  check(!concurrently().available, "wrong results: not available");
  writes_nothing = false;
  launches = 0;
  fake_cuda::current = 1;
  const CudaProbe probe = concurrently();
  check(probe.available && probe.launch == "right" && probe.driver == 13000 && probe.runtime == 13000 &&
            probe.needs == "CUDA 13.0 or later" && probe.architectures == "sm_80 compute_90",
        "a device that came to work is found");
  check(probe.reason == "Fake 9000, 1024 MiB", "said: " + probe.reason);
  check(launches == 1, "and asked once");
  check(fake_cuda::current == 1 && fake_cuda::elsewhere == 0, "on device 0, whichever the application has chosen");
  fake_cuda::current = 0;
}

}  // namespace

int main() {
  machines();
  launches_that_fail();
  fake_cuda::current = 1;
  fake_cuda::failing = "cudaSetDevice";
  check(holds(collide::cuda::probe().reason, "could not make the device current"), "device 0 cannot be made current");
  fake_cuda::current = 0;
  once();
  return collide::checks::summary();
}
