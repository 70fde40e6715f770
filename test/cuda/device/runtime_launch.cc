// The calls by which programs register and launch kernels.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "block.h"
#include "programs.h"
#include "runtime.h"
#include "streams.h"

namespace {

using namespace test_device;

struct Configuration {
  dim3 blocks, threads;
  std::size_t shared;
  cudaStream_t stream;
};

thread_local std::vector<Configuration> configurations;

constexpr std::size_t kMostShared = 64 << 10;

// TEST_DEVICE_LAUNCH=ERROR@N: from the N-th launch on each fails with that error; "idle@N": it does nothing.
struct Broken {
  int from = 0;  // never
  int error = 0;
};

Broken broken_launches() {
  const char* const value = std::getenv("TEST_DEVICE_LAUNCH");
  if (value == nullptr || *value == '\0') return {};
  const char* const at = std::strchr(value, '@');
  return {at == nullptr ? 1 : std::atoi(at + 1), std::atoi(value)};
}

cudaError_t launch(const void* function, dim3 blocks, dim3 threads, void** arguments, std::size_t shared,
                   cudaStream_t stream) {
  std::shared_ptr<Launch> launch;
  bool idle = false;
  const cudaError_t status = guarded([&]() -> cudaError_t {
    expect_device_0("a launch");
    static int launches = 0;
    if (const Broken broken = broken_launches(); broken.from > 0 && ++launches >= broken.from) {
      if (broken.error != 0) return static_cast<cudaError_t>(broken.error);
      idle = true;
    }
    const Program* program = program_of(function);
    if (program == nullptr) return cudaErrorInvalidDeviceFunction;
    const Kernel& kernel = *program->kernel;
    const std::uint64_t count = std::uint64_t{threads.x} * threads.y * threads.z;
    const std::uint64_t most = std::uint64_t{kernel.most_threads[0]} * kernel.most_threads[1] * kernel.most_threads[2];
    if (count == 0 || count > 1024 || blocks.x == 0 || blocks.y == 0 || blocks.z == 0 || blocks.x > 0x7fffffff ||
        blocks.y > 65535 || blocks.z > 65535) {
      return cudaErrorInvalidConfiguration;
    }
    if (count > most || program->shared_bytes + shared > kMostShared) return cudaErrorLaunchOutOfResources;
    launch = std::make_shared<Launch>(
        Launch{*program, {blocks.x, blocks.y, blocks.z}, {threads.x, threads.y, threads.z}, shared, {}, 0, {}, {}});
    launch->parameters.resize(kernel.parameter_bytes);
    for (std::size_t k = 0; k < kernel.parameters.size(); ++k) {
      const Variable& parameter = kernel.parameters[k];
      std::memcpy(launch->parameters.data() + parameter.address, arguments[k], parameter.bytes);
    }
    return cudaSuccess;
  });
  if (status != cudaSuccess) return status;
  if (idle) return cudaSuccess;
  return submit(stream, [launch] {
    return guarded([&] {
      run(*launch);
      report_launch(*launch);
      return cudaSuccess;
    });
  });
}

}  // namespace

extern "C" {

void** __cudaRegisterFatBinary(void* fat_binary) {
  return register_module(fat_binary);
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) {
  return 1;
}

void __cudaRegisterFunction(void** module, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  const std::lock_guard lock(runtime().mutex);
  register_kernel(module, host, name);
}

void __cudaRegisterVar(void** module, char* host, char*, const char* name, int, std::size_t, int, int) {
  const std::lock_guard lock(runtime().mutex);
  register_variable(module, host, name);
}

unsigned __cudaPushCallConfiguration(dim3 blocks, dim3 threads, std::size_t shared, cudaStream_t stream) {
  configurations.push_back({blocks, threads, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* blocks, dim3* threads, std::size_t* shared, void* stream) {
  if (configurations.empty()) return cudaErrorMissingConfiguration;
  const Configuration last = configurations.back();
  configurations.pop_back();
  *blocks = last.blocks;
  *threads = last.threads;
  *shared = last.shared;
  *static_cast<cudaStream_t*>(stream) = last.stream;
  return cudaSuccess;
}

// A kernel's handle is its host function.
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 blocks, dim3 threads, void** arguments, std::size_t shared,
                               cudaStream_t stream) {
  return launch(kernel, blocks, threads, arguments, shared, stream);
}

cudaError_t cudaLaunchKernel(const void* function, dim3 blocks, dim3 threads, void** arguments, std::size_t shared,
                             cudaStream_t stream) {
  return launch(function, blocks, threads, arguments, shared, stream);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function, void** arguments) {
  return launch(function, config->gridDim, config->blockDim, arguments, config->dynamicSmemBytes, config->stream);
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return guarded([&]() -> cudaError_t {
    const Program* program = program_of(function);
    if (program == nullptr) return cudaErrorInvalidDeviceFunction;
    *attributes = {};
    attributes->ptxVersion = attributes->binaryVersion = 75;
    attributes->maxThreadsPerBlock = static_cast<int>(program->kernel->most_threads[0]);
    attributes->sharedSizeBytes = program->shared_bytes;
    attributes->localSizeBytes = program->local_bytes;
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(kMostShared - program->shared_bytes);
    attributes->numRegs = 32;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
  return cudaSuccess;
}
cudaError_t cudaFuncSetCacheConfig(const void*, cudaFuncCache) {
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int threads, std::size_t,
                                                                   unsigned) {
  *blocks = threads > 0 ? 1024 / threads : 0;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                          std::size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, threads, shared, 0);
}

}  // extern "C"
