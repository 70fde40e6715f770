// The work of streams, done as late as the calls allow: when the host waits for it, or work of another stream does that
// is done. So a wait that is missing shows: the host finds its results not there yet, or what it wrote into a buffer
// too early in the place of what was to be copied. Work of the default stream is done at once.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace test_device {

// Does work of a stream now or later. What it returns then, its findings too, are errors of the call that waits.
cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work);

// Does what a stream, or all, have to do. Returns the error that stays.
cudaError_t finish(cudaStream_t stream);
cudaError_t finish_all();

}  // namespace test_device
