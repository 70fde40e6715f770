// The dense net on the CPU: core/dense/net.h says what it is, core/dense/plan.h where everything is kept.
//
// A step goes through the batch in blocks of 128 rows, whose every intermediate stays in the L2 cache from the forward
// pass to the backward pass. Blocks run in parallel. Weight gradients are summed in a fixed number of shards, then
// shard by shard, so the bits of a step depend on the batch and never on the number of threads.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "core/dense/net.h"
#include "core/support/memory.h"
#include "cpu/dense/op.h"
#include "cpu/dense/optimizer.h"

namespace collide {

class CpuDenseNet final : public DenseNet {
 public:
  // Throws Error INVALID_ARGUMENT or OUT_OF_MEMORY.
  explicit CpuDenseNet(const DenseNetConfig& config);
  ~CpuDenseNet() override;

  void read_parameters(float* to) const override;
  void read_state(float* to) const override;
  void read_idle(float* to) const override;

 private:
  struct Workspace;
  class Lease;

  double run_step(const float* dense, const float* embeddings, const float* labels, std::size_t batch,
                  float* gradient) override;
  void run_predict(const float* dense, const float* embeddings, std::size_t batch, float* logits) const override;
  void store_parameters(const float* values) override;
  void store_state(const float* values) override;

  Block block_at(float* room, std::size_t rows, const float* dense, const float* vectors) const;
  void forward(Block& block) const;
  void backward(Block& block) const;

  // An op that has something to do, and its plan for the masks and zeros of the gradients.
  struct Step {
    const NodePlan* plan;
    OpContext context;
    std::unique_ptr<CpuOp> op;
  };
  Plan plan_;
  std::vector<std::size_t> starts_;  // of the plan's regions, in a workspace
  std::size_t floats_ = 0, scratch_ = 0;
  std::vector<Step> steps_;
  Memory parameters_;
  Memory gradients_;  // [shards, parameters], grown when a batch needs more shards
  DenseOptimizer optimizer_;
  // Workspaces not in use; there are never more than threads at work. Which one a task gets changes no result.
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace collide
