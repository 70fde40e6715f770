#include "cuda/dense/rows.cuh"

#include <algorithm>

#include "core/support/portable.h"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

// A block takes 8 rows, 32 values of each at a time.
constexpr std::uint32_t kAcross = 32, kDown = 8;

template <typename Body>
__device__ __forceinline__ void for_each(std::uint32_t rows, std::uint32_t size, const Body& body) {
  const std::size_t row = std::size_t{blockIdx.x} * kDown + threadIdx.y;
  if (row >= rows) return;
  for (std::uint32_t i = blockIdx.y * kAcross + threadIdx.x; i < size; i += gridDim.y * kAcross) body(row, i);
}

dim3 grid(std::uint32_t rows, std::uint32_t size) {
  return {(rows + kDown - 1) / kDown, std::clamp<std::uint32_t>((size + kAcross - 1) / kAcross, 1, 64)};
}

const dim3 block(kAcross, kDown);

template <Each kWhat>
__global__ void __launch_bounds__(kAcross* kDown) each(Rows from, Rows to, std::uint32_t rows, std::uint32_t size) {
  for_each(rows, size, [&](std::size_t row, std::uint32_t i) {
    float* const out = to.data + row * to.pitch + i;
    if constexpr (kWhat == Each::kClear) {
      *out = 0;
      return;
    }
    constexpr bool kSpreads = kWhat == Each::kSpread || kWhat == Each::kSpreadAdd;
    const float in = from.data[row * from.pitch + (kSpreads ? 0 : i)];
    if constexpr (kWhat == Each::kCopy || kWhat == Each::kSpread) *out = in;
    if constexpr (kWhat == Each::kAdd || kWhat == Each::kSpreadAdd) *out += in;
    if constexpr (kWhat == Each::kRelu) *out = in < 0.0f ? 0.0f : in;
    if constexpr (kWhat == Each::kMask) {
      if (!(in > 0.0f)) *out = 0;
    }
  });
}

template <Each kWhat>
void launch(Rows from, Rows to, std::uint32_t rows, std::uint32_t size, cudaStream_t stream) {
  each<kWhat><<<grid(rows, size), block, 0, stream>>>(from, to, rows, size);
  check(cudaGetLastError(), "launch a pass over rows");
}

__global__ void __launch_bounds__(kAcross* kDown)
    relu_backward(Rows value, Rows gradient, Rows to, bool add, std::uint32_t rows, std::uint32_t size) {
  for_each(rows, size, [&](std::size_t row, std::uint32_t i) {
    const float in = value.data[row * value.pitch + i] > 0.0f ? gradient.data[row * gradient.pitch + i] : 0.0f;
    float* const out = to.data + row * to.pitch + i;
    *out = add ? *out + in : in;
  });
}

template <bool kTake>
__global__ void __launch_bounds__(kAcross* kDown)
    move_columns(Columns columns, Division by_count, Rows wide, Rows narrow, std::uint32_t rows) {
  for_each(rows, columns.vectors * columns.count, [&](std::size_t row, std::uint32_t i) {
    const std::uint32_t vector = by_count.quotient(i), column = by_count.remainder(i);
    float& out = wide.data[row * wide.pitch + vector * columns.dim + columns.first + column];
    float& in = narrow.data[row * narrow.pitch + i];
    if constexpr (kTake) {
      in = out;
    } else {
      out = in;
    }
  });
}

}  // namespace

void launch_each(Each what, Rows from, Rows to, std::uint32_t rows, std::uint32_t size, cudaStream_t stream) {
  switch (what) {
    case Each::kClear:
      return launch<Each::kClear>(from, to, rows, size, stream);
    case Each::kCopy:
      return launch<Each::kCopy>(from, to, rows, size, stream);
    case Each::kAdd:
      return launch<Each::kAdd>(from, to, rows, size, stream);
    case Each::kRelu:
      return launch<Each::kRelu>(from, to, rows, size, stream);
    case Each::kMask:
      return launch<Each::kMask>(from, to, rows, size, stream);
    case Each::kSpread:
      return launch<Each::kSpread>(from, to, rows, size, stream);
    case Each::kSpreadAdd:
      return launch<Each::kSpreadAdd>(from, to, rows, size, stream);
  }
}

void launch_relu_backward(Rows value, Rows gradient, Rows to, bool add, std::uint32_t rows, std::uint32_t size,
                          cudaStream_t stream) {
  relu_backward<<<grid(rows, size), block, 0, stream>>>(value, gradient, to, add, rows, size);
  check(cudaGetLastError(), "launch the gradient of a ReLU");
}

void launch_take_columns(const Columns& columns, Rows wide, Rows narrow, std::uint32_t rows, cudaStream_t stream) {
  move_columns<true><<<grid(rows, columns.vectors * columns.count), block, 0, stream>>>(
      columns, Division(columns.count), wide, narrow, rows);
  check(cudaGetLastError(), "launch the copy of columns");
}

void launch_put_columns(const Columns& columns, Rows narrow, Rows wide, std::uint32_t rows, cudaStream_t stream) {
  move_columns<false><<<grid(rows, columns.vectors * columns.count), block, 0, stream>>>(
      columns, Division(columns.count), wide, narrow, rows);
  check(cudaGetLastError(), "launch the copy of columns");
}

}  // namespace collide::cuda
