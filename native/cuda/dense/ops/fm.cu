#include "core/dense/ops/fm.h"

#include "cuda/dense/op.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

constexpr std::uint32_t kThreads = 256, kLanes = 32;

struct FmArguments {
  Rows from;
  std::uint32_t rows, vectors, width;
};

// A warp takes an example, a thread every 32nd column of it.
__global__ void __launch_bounds__(kThreads) fm(const __grid_constant__ FmArguments args, Rows to) {
  const std::size_t row = (std::size_t{blockIdx.x} * kThreads + threadIdx.x) / kLanes;
  const std::uint32_t lane = threadIdx.x % kLanes;
  float sum = 0;
  if (row < args.rows) {
    for (std::uint32_t d = lane; d < args.width; d += kLanes) {
      const float* x = args.from.data + row * args.from.pitch + d;
      float before = 0;
      for (std::uint32_t v = 0; v < args.vectors; ++v, x += args.width) {
        const float value = __ldg(x);
        sum = __fmaf_rn(value, before, sum);
        before += value;
      }
    }
  }
#pragma unroll
  for (std::uint32_t offset = kLanes / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(~0u, sum, offset);
  if (row < args.rows && lane == 0) to.data[row * to.pitch] = sum;
}

// to (+)= gradient * (the sum over all vectors - the vector)
__global__ void __launch_bounds__(kThreads)
    fm_backward(const __grid_constant__ FmArguments args, Rows gradient, Rows to, bool add) {
  const std::size_t row = (std::size_t{blockIdx.x} * kThreads + threadIdx.x) / kLanes;
  if (row >= args.rows) return;
  const float slope = __ldg(gradient.data + row * gradient.pitch);
  for (std::uint32_t d = threadIdx.x % kLanes; d < args.width; d += kLanes) {
    const float* const x = args.from.data + row * args.from.pitch + d;
    float* const out = to.data + row * to.pitch + d;
    float all = 0;
    for (std::uint32_t v = 0; v < args.vectors; ++v) all += __ldg(x + v * args.width);
    for (std::uint32_t v = 0; v < args.vectors; ++v) {
      const float value = slope * (all - __ldg(x + v * args.width));
      out[v * args.width] = add ? out[v * args.width] + value : value;
    }
  }
}

class Fm final : public DeviceOp {
 public:
  explicit Fm(const OpContext& op)
      : shape_(op.node().input_shapes[0]),
        input_(op.input(0)),
        value_(op.value()),
        gradient_(op.gradient()),
        input_gradient_(op.input_gradient(0)),
        add_(op.plan().gradients[0].add) {}

  void forward(const Pass& pass) const override {
    fm<<<blocks(pass), kThreads, 0, pass.stream>>>(arguments(pass), value_.rows(pass));
    check(cudaGetLastError(), "launch the factorization machine");
  }

  void backward(const Pass& pass) const override {
    if (!input_gradient_) return;
    fm_backward<<<blocks(pass), kThreads, 0, pass.stream>>>(arguments(pass), gradient_.rows(pass),
                                                            input_gradient_.rows(pass), add_);
    check(cudaGetLastError(), "launch the gradient of the factorization machine");
  }

 private:
  FmArguments arguments(const Pass& pass) const {
    return {input_.rows(pass), pass.rows, static_cast<std::uint32_t>(shape_.vectors),
            static_cast<std::uint32_t>(shape_.width)};
  }
  static std::uint32_t blocks(const Pass& pass) {
    return static_cast<std::uint32_t>((std::uint64_t{pass.rows} * kLanes + kThreads - 1) / kThreads);
  }

  Shape shape_;
  DeviceSlot input_, value_, gradient_, input_gradient_;
  bool add_;
};

}  // namespace

std::unique_ptr<DeviceOp> make_fm(const OpContext& op) {
  return std::make_unique<Fm>(op);
}

}  // namespace collide::cuda
