// Asks the driver, then the runtime, whether a CUDA device can be used.
#pragma once

#include "core/cuda_probe.h"

namespace collide::cuda {

CudaProbe probe();

}  // namespace collide::cuda
