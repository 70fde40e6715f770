// Launchers that go over rows of values one by one: copies, masks, and the like. Row-major float32 in device memory;
// asynchronous on `stream`; Error CUDA_FAILED when a launch is refused.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "cuda/dense/gemm.cuh"

namespace collide::cuda {

// What becomes of each value `to` and the value `from` beside it.
enum class Each {
  kClear,      // to = 0
  kCopy,       // to = from
  kAdd,        // to += from
  kRelu,       // to = max(0, from); a NaN stays one
  kMask,       // to = 0 where `from` is not above 0
  kSpread,     // to = the row's one value in `from`
  kSpreadAdd,  // to += that
};
void launch_each(Each what, Rows from, Rows to, std::uint32_t rows, std::uint32_t size, cudaStream_t stream);

// to (+)= gradient where `value` is above 0.
void launch_relu_backward(Rows value, Rows gradient, Rows to, bool add, std::uint32_t rows, std::uint32_t size,
                          cudaStream_t stream);

// Columns [first, first + count) of each of `vectors` vectors of `dim` in a row of `wide`, side by side in `narrow`.
struct Columns {
  std::uint32_t vectors, dim, first, count;
};
void launch_take_columns(const Columns& columns, Rows wide, Rows narrow, std::uint32_t rows, cudaStream_t stream);
void launch_put_columns(const Columns& columns, Rows narrow, Rows wide, std::uint32_t rows, cudaStream_t stream);

}  // namespace collide::cuda
