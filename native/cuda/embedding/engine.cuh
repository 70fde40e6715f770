// The CUDA embedding engine: tables that live and learn on device 0, with the bits of the CPU engine. A forward copies
// the batch to the device and the pooled rows back, a backward their gradient to the device: O(indices + output) bytes
// over the bus each. Rows, optimizer state and counts stay on the device and are read back on demand.
//
// Where the rows' user is on the device too (model_steps.cc), pooled rows and gradient stay there: prepare(), then
// enqueue_lookup() and enqueue_backward() in stream(), which wait for nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/embedding/engine.h"
#include "cuda/embedding/backward.cuh"
#include "cuda/embedding/factors.cuh"
#include "cuda/embedding/forward.cuh"
#include "cuda/support/device_memory.cuh"
#include "cuda/support/staging.cuh"

namespace collide::cuda {

class CudaEmbedding final : public EmbeddingEngine {
 public:
  // Throws Error OUT_OF_MEMORY saying for what, how many bytes and how many are free; CUDA_FAILED.
  CudaEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index, std::uint64_t seed,
                bool count_accesses);

  std::size_t forward(const BagBatch& batch, float* out, bool train) override;
  void backward(const float* gradient, float* weight_gradient) override;

  // Checks a batch of 32-bit ids on the host, replaces those out of range, and makes all room and plans: of a lookup,
  // or, to `train`, of a step. What the device will read is added to `staging`, which is filled: the caller uploads it
  // before what follows. Returns how many ids were replaced. Throws Error as forward does; the tables are then as
  // before. The output is made in parts of at most `most` floats: bounds the memory that it takes. To train, in one.
  std::size_t prepare(const BagBatch& batch, bool train, Staging& staging, std::size_t most = kWhole);
  static constexpr std::size_t kWhole = ~std::size_t{0};
  // Writes output(), like forward's: the floats of a part. To `train` accesses are counted, unless *halted (in device
  // memory) is not 0.
  void enqueue_lookup(bool train, const std::uint32_t* halted, std::size_t part = 0);
  std::size_t parts() const { return parts_.size(); }
  std::size_t floats_of_part(std::size_t part) const { return parts_[part].floats; }
  // Steps the rows by gradient(), laid out like the output, unless *loss (in device memory) is not finite.
  void enqueue_backward(const float* loss);
  const float* output() const { return out_.data(); }
  float* gradient() const { return gradient_.data(); }
  const Stream& stream() const { return stream_; }

  void read_values(std::size_t table, std::uint64_t first, std::size_t count, float* out) const override;
  void check_values(std::size_t, std::uint64_t, std::size_t, const float*) const override {}  // float32 holds all
  void write_values(std::size_t table, std::uint64_t first, std::size_t count, const float* values) override;
  void read_rows(std::size_t table, std::uint64_t first, std::size_t count, std::uint8_t* out) const override;
  void write_rows(std::size_t table, std::uint64_t first, std::size_t count, const std::uint8_t* rows) override;
  void read_state(std::size_t table, std::uint64_t first, std::size_t count, float* out) const override;
  void write_state(std::size_t table, std::uint64_t first, std::size_t count, const float* state) override;
  void read_counts(std::size_t feature, std::uint64_t first, std::size_t count, std::uint32_t* out) override;
  void write_counts(std::size_t feature, std::uint64_t first, std::size_t count, const std::uint32_t* counts) override;
  Usage usage() const override;
  void drop_training_hashes() override;

 private:
  struct Table {
    DeviceArray<float> weights, state;
  };

  void add_table(const TableShape& shape, std::uint64_t seed);
  void describe_features();
  void describe_hashes(const Feature& feature, const std::vector<HashFunction>& hashes,
                       std::vector<DeviceArray<std::uint32_t>>& mappings, std::vector<DeviceTable>& descriptions);
  // By whose hash functions the batch in hand is looked up.
  const DeviceTable* tables_in_view() const;
  void stage_batch(const BagBatch& batch, Staging& staging, std::size_t most);
  void check_on_device(const BagBatch& batch);
  std::size_t floats_of(std::size_t table) const { return layout_.tables[table].rows * layout_.tables[table].width; }
  std::size_t states_of(std::size_t table) const { return layout_.tables[table].rows * state_per_row(table); }
  FactorArguments factors_of(std::size_t feature) const;
  void place_factors();
  BackwardPlan plan_backward() const;
  void stage_backward(Staging& staging);
  void step_rows(const OptimizerStep& step, const float* loss);

  Stream stream_;
  std::vector<Table> tables_;
  std::vector<DeviceArray<std::uint32_t>> mappings_, training_mappings_;
  std::vector<std::uint32_t> first_mapping_;  // of each feature in a view
  std::vector<std::uint32_t> first_key_;      // of each table, see backward_plan.h; then their number
  std::vector<std::uint64_t> first_count_;    // of each feature; then their number
  std::vector<Segment> segments_;             // of any batch, without places
  // A view (HashView) has all hash functions, feature after feature. The serving view comes first, then, where a
  // feature trains by others, that of each fold.
  DeviceArray<DeviceTable> device_tables_;
  std::size_t view_size_ = 0;
  DeviceArray<std::uint64_t> cardinalities_, device_first_counts_;
  DeviceArray<std::uint32_t> counts_;  // of all features

  // The last batch. Indices and offsets are checked in copies: JavaScript's buffers cannot change in between.
  bool weighted_ = false;
  std::vector<std::uint32_t> first_ids_;
  struct Part {
    std::vector<Segment> segments;
    std::vector<std::uint32_t> first_block;
    std::size_t first, floats;  // of the output
    Staging::Place<Segment> segments_at;
    Staging::Place<std::uint32_t> first_block_at;
  };
  std::vector<Part> parts_;
  Staging staging_;       // forward's
  const Staging* batch_;  // where the batch is: in it, or the caller's of prepare()
  struct {
    Staging::Place<std::uint8_t> indices;
    Staging::Place<float> weights;
    Staging::Place<std::uint32_t> offsets, first_ids;
  } batch_at_;
  DeviceArray<std::uint32_t> checked_ids_;
  const std::uint32_t* ids_ = nullptr;  // on the device
  DeviceArray<float> out_;
  DeviceArray<BadIndices> bad_;

  // Backward's.
  std::vector<std::size_t> factor_offsets_;  // of each feature whose rows are multiplied
  BackwardPlan plan_;
  Staging plan_staging_;
  const Staging* plan_in_;
  struct {
    Staging::Place<GradientSource> sources;
    Staging::Place<std::uint32_t> first_entry, first_block;
    Staging::Place<SteppedTable> tables;
  } plan_at_;
  DeviceArray<float> gradient_, factors_, weight_gradient_;
  DeviceArray<std::uint32_t> keys_, values_, sorted_keys_, sorted_values_;
  DeviceArray<uint2> terms_;
  DeviceArray<Listed> listed_;
  DeviceArray<LongRun> long_runs_;
  DeviceArray<Piece> pieces_;
  DeviceArray<double> sums_;
  Scratch scratch_;
};

}  // namespace collide::cuda
