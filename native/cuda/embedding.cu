#include "cuda/embedding.cuh"

#include <string>

#include "core/error.h"
#include "cuda/lookup.h"

namespace collide::cuda {

namespace {

std::size_t index_size(IntegerType type) {
  return type == IntegerType::kI64 ? 8 : 4;
}

template <typename T>
DeviceArray<T> uploaded(const T* host, std::size_t count, const char* what, const Stream& stream) {
  DeviceArray<T> array(count, what);
  array.upload(host, count, stream, "copy to the device");
  return array;
}

}  // namespace

CudaLookup::CudaLookup(const EmbeddingLayout& layout, BadIndex policy)
    : layout_(layout), policy_(policy), segments_(make_segments(layout)), bad_(1, "the result of the index check") {
  std::vector<DeviceTable> descriptions;
  std::vector<std::uint64_t> cardinalities;
  for (const Feature& feature : layout.features) {
    first_table_.push_back(tables_.size());
    cardinalities.push_back(feature.cardinality);
    for (const HashFunction& hash : feature.hashes) {
      tables_.push_back(make_table(feature, hash));
      const Table& table = tables_.back();
      descriptions.push_back({table.weights.data(), device_hash(hash, table.entries.data(), table.hot_lines.data())});
    }
  }
  const char* what = "the description of the tables";
  device_tables_ = uploaded(descriptions.data(), descriptions.size(), what, stream_);
  device_segments_ = uploaded(segments_.data(), segments_.size(), what, stream_);
  cardinalities_ = uploaded(cardinalities.data(), cardinalities.size(), what, stream_);
  stream_.wait("copy the hash functions to the device");
}

CudaLookup::Table CudaLookup::make_table(const Feature& feature, const HashFunction& hash) const {
  const std::string what = "a table of " + std::to_string(hash.rows) + " rows of feature \"" + feature.name + "\"";
  Table table;
  table.size = hash.rows * feature.table_width();
  table.weights = DeviceArray<float>(table.size, what.c_str());
  const std::size_t entries = hash.entries.bytes() / 4, lines = hash.hot_lines.bytes() / 8;
  table.entries = uploaded(hash.entries.as<std::uint32_t>(), entries, "a mapping", stream_);
  table.hot_lines = uploaded(hash.hot_lines.as<std::uint64_t>(), lines, "a bitmap of hot ids", stream_);
  return table;
}

void CudaLookup::upload(std::size_t feature, std::size_t hash, const float* weights) {
  const Table& table = tables_[first_table_[feature] + hash];
  table.weights.upload(weights, table.size, stream_, "copy a table to the device");
  stream_.wait("copy a table to the device");
}

void CudaLookup::take_batch(const BagBatch& batch, std::size_t index_bytes) {
  const std::size_t outputs = batch.batch * layout_.output_width;
  first_block_ = first_blocks(segments_, batch.batch);
  // All room first: past this, only a failing device can stop the call.
  indices_.reserve(index_bytes, "a batch's indices");
  ids_.reserve(batch.index_count, "a batch's ids");
  weights_.reserve(batch.weights == nullptr ? 0 : batch.index_count, "a batch's weights");
  device_offsets_.reserve(offsets_.size(), "a batch's offsets");
  device_first_block_.reserve(first_block_.size(), "a batch's plan");
  out_.reserve(outputs, "a batch's output");

  const char* operation = "copy a batch to the device";
  indices_.upload(static_cast<const std::uint8_t*>(batch.indices), index_bytes, stream_, operation);
  if (batch.weights != nullptr) weights_.upload(batch.weights, batch.index_count, stream_, operation);
  device_offsets_.upload(offsets_.data(), offsets_.size(), stream_, operation);
  device_first_block_.upload(first_block_.data(), first_block_.size(), stream_, operation);
}

void CudaLookup::start(const BagBatch& batch) {
  CheckArguments checking{};
  checking.indices = indices_.data();
  checking.type = batch.index_type;
  checking.count = batch.index_count;
  checking.offsets = device_offsets_.data();
  checking.batch = batch.batch;
  checking.cardinalities = cardinalities_.data();
  checking.features = static_cast<std::uint32_t>(layout_.features.size());
  checking.policy = policy_;
  checking.ids = ids_.data();
  launch_check_indices(checking, bad_.data(), stream_.get());

  LookupArguments lookup{};
  lookup.segments = device_segments_.data();
  lookup.first_block = device_first_block_.data();
  lookup.segment_count = static_cast<std::uint32_t>(segments_.size());
  lookup.tables = device_tables_.data();
  lookup.ids = ids_.data();
  lookup.offsets = device_offsets_.data();
  lookup.weights = batch.weights == nullptr ? nullptr : weights_.data();
  lookup.batch = batch.batch;
  lookup.out = out_.data();
  lookup.output_width = layout_.output_width;
  launch_lookup(lookup, first_block_.back(), stream_.get());
}

void CudaLookup::lookup(const BagBatch& batch, float* out) {
  if (batch.batch_sizes != nullptr) {
    fail("NOT_SUPPORTED", "A batch size per feature is not supported on a CUDA device yet: use device \"cpu\"");
  }
  const std::vector<FeatureBags> bags = feature_bags(layout_, batch);
  copy_offsets(layout_, batch, bags, offsets_);
  if (batch.batch == 0) return;

  take_batch(batch, batch.index_count * index_size(batch.index_type));
  BadIndices bad{~0u, 0};
  bad_.upload(&bad, 1, stream_, "copy a batch to the device");
  start(batch);
  bad_.download(&bad, 1, stream_, "copy the result of the index check");
  stream_.wait("look up a batch");
  if (bad.count > 0 && policy_ == BadIndex::kError) fail_bad_index(layout_, batch, bags, offsets_, bad.first);
  bad_indices_ += bad.count;
  out_.download(out, batch.batch * layout_.output_width, stream_, "copy the pooled rows from the device");
  stream_.wait("copy the pooled rows from the device");
}

std::unique_ptr<LookupBackend> make_lookup(const EmbeddingLayout& layout, BadIndex policy) {
  for (const Feature& feature : layout.features) {
    if (feature.precision != Precision::kFloat32 || feature.combine == Combine::kMultiply) {
      fail("NOT_SUPPORTED", "Expected float32 rows that are summed or concatenated on a CUDA device for feature \"",
           feature.name, "\": use device \"cpu\" for other precisions and for combine \"multiply\"");
    }
  }
  return std::make_unique<CudaLookup>(layout, policy);
}

}  // namespace collide::cuda
