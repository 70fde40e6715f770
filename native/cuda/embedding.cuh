// The lookups of a set of embedding tables on CUDA device 0. Deterministic; the same bits as the CPU engine. A call
// copies the batch to the device and the pooled rows back: O(indices + batch * output_width) bytes over the bus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/batch_check.h"
#include "core/lookup_backend.h"
#include "cuda/device_memory.cuh"
#include "cuda/embedding_forward.cuh"

namespace collide::cuda {

class CudaLookup final : public LookupBackend {
 public:
  // Copies the hash functions to the device and makes room for the weights; keeps a reference to the layout.
  // Throws Error OUT_OF_MEMORY or CUDA_FAILED.
  CudaLookup(const EmbeddingLayout& layout, BadIndex policy);

  void upload(std::size_t feature, std::size_t hash, const float* weights) override;
  void lookup(const BagBatch& batch, float* out) override;
  std::uint64_t bad_indices() const override { return bad_indices_; }

 private:
  struct Table {
    std::size_t size = 0;  // floats
    DeviceArray<float> weights;
    DeviceArray<std::uint32_t> entries;
    DeviceArray<std::uint64_t> hot_lines;
  };

  Table make_table(const Feature& feature, const HashFunction& hash) const;
  void take_batch(const BagBatch& batch, std::size_t index_bytes);
  void start(const BagBatch& batch);

  const EmbeddingLayout& layout_;
  BadIndex policy_;
  std::uint64_t bad_indices_ = 0;
  Stream stream_;

  std::vector<Table> tables_;
  std::vector<std::size_t> first_table_;
  std::vector<Segment> segments_;
  DeviceArray<DeviceTable> device_tables_;
  DeviceArray<Segment> device_segments_;
  DeviceArray<std::uint64_t> cardinalities_;

  // The last batch. Offsets are checked in a copy, indices on the device: JavaScript's buffers cannot change in
  // between.
  std::vector<std::uint32_t> offsets_, first_block_;
  DeviceArray<std::uint8_t> indices_;
  DeviceArray<std::uint32_t> device_offsets_, device_first_block_, ids_;
  DeviceArray<float> weights_, out_;
  DeviceArray<BadIndices> bad_;
};

}  // namespace collide::cuda
