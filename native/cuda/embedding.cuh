// The CUDA embedding engine: tables that live and learn on device 0, with the bits of the CPU engine. A forward copies
// the batch to the device and the pooled rows back, a backward their gradient to the device: O(indices + output) bytes
// over the bus each. Rows, optimizer state and counts stay on the device and are read back on demand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/embedding_engine.h"
#include "cuda/device_memory.cuh"
#include "cuda/embedding_backward.cuh"
#include "cuda/embedding_factors.cuh"
#include "cuda/embedding_forward.cuh"

namespace collide::cuda {

class CudaEmbedding final : public EmbeddingEngine {
 public:
  // Throws Error OUT_OF_MEMORY saying for what, how many bytes and how many are free; CUDA_FAILED.
  CudaEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index, std::uint64_t seed,
                bool count_accesses);

  std::size_t forward(const BagBatch& batch, float* out, bool train) override;
  void backward(const float* gradient, float* weight_gradient) override;

  void read_values(std::size_t table, std::uint64_t first, std::size_t count, float* out) const override;
  void write_values(std::size_t table, const float* values) override;
  void read_rows(std::size_t table, std::uint8_t* out) const override;
  void write_rows(std::size_t table, const std::uint8_t* rows) override;
  void read_state(std::size_t table, float* out) const override;
  void write_state(std::size_t table, const float* state) override;
  void read_counts(std::size_t feature, std::uint32_t* out) override;
  void write_counts(std::size_t feature, const std::uint32_t* counts) override;
  Usage usage() const override;

 private:
  struct Table {
    DeviceArray<float> weights, state;
  };
  struct Mapping {  // what a hash function reads
    DeviceArray<std::uint32_t> entries;
    DeviceArray<std::uint64_t> hot_lines;
  };

  void add_table(const TableShape& shape, std::uint64_t seed);
  void describe_features();
  void take_batch(const BagBatch& batch);
  void start_forward(const BagBatch& batch, bool train);
  std::size_t floats_of(std::size_t table) const { return layout_.tables[table].rows * layout_.tables[table].width; }
  std::size_t states_of(std::size_t table) const { return layout_.tables[table].rows * state_per_row(table); }
  FactorArguments factors_of(std::size_t feature) const;
  BackwardPlan plan_backward() const;
  void make_factor_gradients();
  void make_room(const BackwardPlan& plan);
  void step_rows(const BackwardPlan& plan, const OptimizerStep& step);

  Stream stream_;
  std::vector<Table> tables_;
  std::vector<Mapping> mappings_;             // feature after feature, hash after hash
  std::vector<std::uint32_t> first_mapping_;  // of each feature
  std::vector<std::uint32_t> first_key_;      // of each table, see backward_plan.h; then their number
  std::vector<std::uint64_t> first_count_;    // of each feature; then their number
  std::vector<Segment> segments_;
  DeviceArray<DeviceTable> device_tables_;
  DeviceArray<std::uint64_t> cardinalities_, device_first_counts_;
  DeviceArray<std::uint32_t> counts_;  // of all features

  // The last batch. Offsets are checked in a copy, indices on the device: JavaScript's buffers cannot change in
  // between.
  bool weighted_ = false;
  std::vector<std::uint32_t> first_block_, first_ids_;
  DeviceArray<std::uint8_t> indices_;
  DeviceArray<std::uint32_t> device_offsets_, device_first_block_, device_first_ids_, ids_;
  DeviceArray<Segment> device_segments_;
  DeviceArray<float> weights_, out_;
  DeviceArray<BadIndices> bad_;

  // Backward's.
  std::vector<std::size_t> factor_offsets_;  // of each feature whose rows are multiplied
  DeviceArray<float> gradient_, factors_, weight_gradient_;
  DeviceArray<GradientSource> sources_;
  DeviceArray<SteppedTable> stepped_;
  DeviceArray<std::uint32_t> source_entries_, step_blocks_, keys_, values_, sorted_keys_, sorted_values_;
  DeviceArray<uint2> terms_;
  DeviceArray<Listed> listed_;
  DeviceArray<LongRun> long_runs_;
  DeviceArray<Piece> pieces_;
  DeviceArray<double> sums_;
  Scratch scratch_;
};

}  // namespace collide::cuda
