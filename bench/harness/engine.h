// The engine that is measured, on the workload's tables; everything that depends on the engine's interface is here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cpu/embedding/engine.h"
#include "machine_limits.h"
#include "workload.h"

namespace collide::bench {

// The workload's tables under one kind of hash function: "identity" has a row per id; "learned" (a packed look-up
// table with pseudo-random entries) and "modulo" have height / shrink rows. Weights are initial_weight, state is zero.
// `counts`: it counts the accesses of each id in training, and its rows are never filled: it steps those of a plain
// engine while it has them (swap_rows).
class Engine {
 public:
  Engine(const Workload& workload, const std::string& kind, bool counts, unsigned threads);

  void swap_rows(Engine& other);
  void forward(std::size_t batch, float* out, bool train) { tables_->forward(bags(batch), out, train); }
  void backward(const float* gradient) { tables_->backward(gradient); }

  std::vector<TableMemory> memory();
  // The rows that the batch's ids hash to: as they come, or each row of a table once, ascending.
  RowList rows(std::size_t batch) const;
  RowList distinct_rows(std::size_t batch) const;

 private:
  BagBatch bags(std::size_t batch) const;

  const Workload& workload_;
  std::unique_ptr<CpuEmbedding> tables_;
};

}  // namespace collide::bench
