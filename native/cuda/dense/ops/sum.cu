#include "core/dense/ops/sum.h"

#include "cuda/dense/op.cuh"
#include "cuda/dense/rows.cuh"
#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

namespace {

constexpr std::uint32_t kThreads = 256;

// to [rows] = (to +) the sum of `size` values of from. A row is summed by kLanes threads, in an order that depends on
// the size only.
template <std::uint32_t kLanes>
__global__ void __launch_bounds__(kThreads)
    sum_values(Rows from, std::uint32_t size, Rows to, bool add, std::uint32_t rows) {
  const std::size_t row = (std::size_t{blockIdx.x} * kThreads + threadIdx.x) / kLanes;
  const std::uint32_t lane = threadIdx.x % kLanes;
  float sum = 0;
  if (row < rows) {
    for (std::uint32_t i = lane; i < size; i += kLanes) sum += from.data[row * from.pitch + i];
  }
#pragma unroll
  for (std::uint32_t offset = kLanes / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(~0u, sum, offset);
  if (row >= rows || lane > 0) return;
  float& out = to.data[row * to.pitch];
  out = add ? out + sum : sum;
}

template <std::uint32_t kLanes>
void launch(Rows from, std::uint32_t size, Rows to, bool add, std::uint32_t rows, cudaStream_t stream) {
  const auto blocks = static_cast<std::uint32_t>((std::uint64_t{rows} * kLanes + kThreads - 1) / kThreads);
  sum_values<kLanes><<<blocks, kThreads, 0, stream>>>(from, size, to, add, rows);
  check(cudaGetLastError(), "launch a sum of values");
}

class Sum final : public DeviceOp {
 public:
  explicit Sum(const OpContext& op) : value_(op.value()), gradient_(op.gradient()) {
    for (std::size_t i = 0; i < op.node().inputs.size(); ++i) {
      inputs_.push_back({op.input(i), op.input_gradient(i), op.plan().gradients[i].add,
                         static_cast<std::uint32_t>(op.node().input_shapes[i].size())});
    }
  }

  void forward(const Pass& pass) const override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const auto& [value, gradient, add, size] = inputs_[i];
      const auto run = size < 8 ? &launch<1> : &launch<32>;
      run(value.rows(pass), size, value_.rows(pass), i > 0, pass.rows, pass.stream);
    }
  }

  void backward(const Pass& pass) const override {
    for (const auto& [value, gradient, add, size] : inputs_) {
      if (!gradient) continue;
      launch_each(add ? Each::kSpreadAdd : Each::kSpread, gradient_.rows(pass), gradient.rows(pass), pass.rows, size,
                  pass.stream);
    }
  }

 private:
  struct Input {
    DeviceSlot value, gradient;
    bool add;
    std::uint32_t size;
  };
  std::vector<Input> inputs_;
  DeviceSlot value_, gradient_;
};

}  // namespace

std::unique_ptr<DeviceOp> make_sum(const OpContext& op) {
  return std::make_unique<Sum>(op);
}

}  // namespace collide::cuda
