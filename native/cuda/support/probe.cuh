// Asks the driver, then the runtime, and then launches a kernel: the only proof that this build's kernels run on the
// device. A toolkit that is newer than the driver, or machine code for other devices, is seen at the first launch
// alone.
#pragma once

#include "core/support/cuda_probe.h"

namespace collide::cuda {

// A device that can be used is asked once per process, any other again by the next call: it may come free.
CudaProbe probe();

}  // namespace collide::cuda
