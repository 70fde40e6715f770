// Theoretical occupancy by the toolkit's own cuda_occupancy.h, without a device: the limits of each multiprocessor are
// those of NVIDIA's table of compute capabilities. Reads lines "architecture registers shared-bytes block-threads" and
// writes the share of a multiprocessor's threads that can be resident, in percent, a line each; 0: the kernel cannot run.
#include <cuda_occupancy.h>

#include <climits>
#include <cstdio>

struct Limits {
  int architecture, threads;
  size_t shared, shared_per_block, reserved;
};

constexpr Limits kLimits[] = {{75, 1024, 65536, 65536, 0},
                              {80, 2048, 167936, 166912, 1024},
                              {86, 1536, 102400, 101376, 1024},
                              {89, 1536, 102400, 101376, 1024},
                              {90, 2048, 233472, 232448, 1024}};

double occupancy(const Limits& limits, int registers, size_t shared, int block) {
  cudaOccDeviceProp device;
  device.computeMajor = limits.architecture / 10;
  device.computeMinor = limits.architecture % 10;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsPerMultiprocessor = limits.threads;
  device.regsPerBlock = device.regsPerMultiprocessor = 65536;
  device.warpSize = 32;
  device.sharedMemPerBlock = 49152;
  device.sharedMemPerMultiprocessor = limits.shared;
  device.sharedMemPerBlockOptin = limits.shared_per_block;
  device.reservedSharedMemPerBlock = limits.reserved;
  device.numSms = 1;
  cudaOccFuncAttributes kernel;
  kernel.maxThreadsPerBlock = INT_MAX;
  kernel.numRegs = registers;
  kernel.sharedSizeBytes = shared;
  kernel.partitionedGCConfig = PARTITIONED_GC_OFF;
  kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_DEFAULT;
  kernel.maxDynamicSharedSizeBytes = 0;
  kernel.numBlockBarriers = 1;
  const cudaOccDeviceState state;
  cudaOccResult result;
  if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &kernel, &state, block, 0) != CUDA_OCC_SUCCESS) return 0;
  return 100.0 * result.activeBlocksPerMultiprocessor * block / limits.threads;
}

int main() {
  int architecture, registers, block;
  size_t shared;
  while (std::scanf("%d %d %zu %d", &architecture, &registers, &shared, &block) == 4) {
    double percent = 0;
    for (const Limits& limits : kLimits) {
      if (limits.architecture == architecture) percent = occupancy(limits, registers, shared, block);
    }
    std::printf("%.1f\n", percent);
  }
}
