#include "cuda/embedding/engine.cuh"

#include <algorithm>
#include <string>

#include "core/support/error.h"
#include "core/support/random.h"
#include "cuda/embedding/engine.h"
#include "cuda/embedding/initial_rows.cuh"
#include "cuda/support/on_device.cuh"

namespace collide::cuda {

namespace {

// Floats of a lookup's output that are on the device at a time, 16 MiB.
constexpr std::size_t kMostLookedUp = std::size_t{1} << 22;

constexpr const char* kCopying = "copy a batch to the device";
constexpr const char* kReading = "copy a table from the device";
constexpr const char* kWriting = "copy a table to the device";

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

CudaEmbedding::CudaEmbedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index,
                             std::uint64_t seed, bool count_accesses)
    : EmbeddingEngine(std::move(layout), optimizer, bad_index),
      segments_(make_segments(layout_)),
      bad_(1, "the result of the index check"),
      listed_(1, "the list of long runs") {
  std::uint64_t keys = 0;
  for (const TableShape& shape : layout_.tables) {
    first_key_.push_back(static_cast<std::uint32_t>(keys));
    keys += shape.rows + 1;
    if (keys > kMostRows) {
      fail("NOT_SUPPORTED",
           "Expected fewer than 2^32 rows in all tables together on a CUDA device: use device \"cpu\"");
    }
  }
  first_key_.push_back(static_cast<std::uint32_t>(keys));
  for (const TableShape& shape : layout_.tables) add_table(shape, seed);
  describe_features();
  if (count_accesses) {
    counts_ = DeviceArray<std::uint32_t>(first_count_.back(), "access counts");
    counts_.clear(first_count_.back(), stream_, "clear the access counts");
  }
  stream_.wait("make the tables");
}

void CudaEmbedding::add_table(const TableShape& shape, std::uint64_t seed) {
  const std::size_t t = tables_.size(), count = floats_of(t);
  const std::string what = "table \"" + shape.name + "\" of " + std::to_string(shape.rows) + " rows";
  tables_.push_back({{count, what.c_str()}, {states_of(t), what.c_str()}});
  tables_[t].state.clear(states_of(t), stream_, "clear the optimizer state");
  if (shape.init_center == 0 && shape.init_scale == 0) {
    tables_[t].weights.clear(count, stream_, "clear the rows");
  } else {
    launch_initial_rows(tables_[t].weights.data(), count, mix64(seed ^ mix64(t + 1)), shape.init_center,
                        shape.init_scale, stream_.get());
  }
}

// Adds the hash functions of a feature, copied to the device, to the descriptions.
void CudaEmbedding::describe_hashes(const Feature& feature, const std::vector<HashFunction>& hashes,
                                    std::vector<DeviceArray<std::uint32_t>>& mappings,
                                    std::vector<DeviceTable>& descriptions) {
  for (std::size_t h = 0; h < hashes.size(); ++h) {
    const HashFunction& hash = hashes[h];
    const Memory& mapping = hash.mapping;
    mappings.push_back(uploaded(mapping.as<std::uint32_t>(), mapping.bytes() / 4, "a mapping", stream_));
    descriptions.push_back({tables_[feature.tables[h]].weights.data(), hash.kind.reading(mappings.back().data())});
  }
}

// Copies the hash functions and what else the kernels read of the features.
void CudaEmbedding::describe_features() {
  std::vector<DeviceTable> descriptions;
  std::vector<std::uint64_t> cardinalities;
  first_count_ = {0};
  for (const Feature& feature : layout_.features) {
    first_mapping_.push_back(static_cast<std::uint32_t>(descriptions.size()));
    cardinalities.push_back(feature.cardinality);
    first_count_.push_back(first_count_.back() + feature.cardinality);
    describe_hashes(feature, feature.hashes, mappings_, descriptions);
  }
  view_size_ = descriptions.size();
  const auto trains_apart = [](const Feature& feature) { return !feature.training_hashes.empty(); };
  const bool apart = std::ranges::any_of(layout_.features, trains_apart);
  for (std::size_t fold = 0; apart && fold < layout_.folds; ++fold) {
    for (std::size_t f = 0; f < layout_.features.size(); ++f) {
      const Feature& feature = layout_.features[f];
      if (fold < feature.training_hashes.size()) {
        describe_hashes(feature, feature.training_hashes[fold], training_mappings_, descriptions);
        continue;
      }
      // The serving ones, or those of the first fold.
      const std::size_t from = first_mapping_[f] + (trains_apart(feature) ? view_size_ : 0);
      for (std::size_t h = 0; h < feature.hashes.size(); ++h) {
        const DeviceTable same = descriptions[from + h];
        descriptions.push_back(same);
      }
    }
  }
  const char* what = "the description of the tables";
  device_tables_ = uploaded(descriptions.data(), descriptions.size(), what, stream_);
  cardinalities_ = uploaded(cardinalities.data(), cardinalities.size(), what, stream_);
  device_first_counts_ = uploaded(first_count_.data(), cardinalities.size(), what, stream_);
  stream_.wait("copy the hash functions to the device");
}

const DeviceTable* CudaEmbedding::tables_in_view() const {
  const bool apart = view_.training && !training_mappings_.empty();
  return device_tables_.data() + (apart ? (1 + view_.fold) * view_size_ : 0);
}

void CudaEmbedding::drop_training_hashes() {
  const OnDevice here;
  stream_.wait("finish the steps before the training hashes are freed");
  training_mappings_.clear();
  EmbeddingEngine::drop_training_hashes();
}

// Adds what the device reads of a checked batch, and how its lookups are covered; makes room for the output of a part.
void CudaEmbedding::stage_batch(const BagBatch& batch, Staging& staging, std::size_t most) {
  weighted_ = batch.weights != nullptr;
  const std::vector<LookupPart> parts = lookup_parts(layout_, bags_, batch.batch_sizes == nullptr, most);
  parts_.resize(parts.size());
  std::size_t largest = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    Part& part = parts_[p];
    part.segments = segments_;
    part.first_block = place_segments(part.segments, parts[p].bags);
    part.first = parts[p].first, part.floats = parts[p].floats;
    largest = std::max(largest, part.floats);
  }
  first_ids_.clear();
  for (const FeatureBags& bags : bags_) first_ids_.push_back(offsets_[bags.first_bag]);
  out_.reserve(largest, "a batch's output");
  batch_ = &staging;
  batch_at_.indices =
      staging.add(static_cast<const std::uint8_t*>(batch.indices), batch.index_count * index_size(batch.index_type));
  batch_at_.weights = staging.add(batch.weights, weighted_ ? batch.index_count : 0);
  batch_at_.offsets = staging.add(offsets_.data(), offsets_.size());
  batch_at_.first_ids = staging.add(first_ids_.data(), first_ids_.size());
  for (Part& part : parts_) {
    part.first_block_at = staging.add(part.first_block.data(), part.first_block.size());
    part.segments_at = staging.add(part.segments.data(), part.segments.size());
  }
}

std::size_t CudaEmbedding::prepare(const BagBatch& batch, bool train, Staging& staging, std::size_t most) {
  take_bags(batch, train);
  stage_batch(batch, staging, train ? kWhole : most);
  if (train) {
    gradient_.reserve(output_size(layout_, bags_), "the gradient of a batch");
    stage_backward(staging);
  }
  staging.fill("a batch");
  auto* const ids = reinterpret_cast<std::uint32_t*>(staging.host(batch_at_.indices));
  const std::size_t replaced = check_ids(layout_, batch, bags_, offsets_, bad_index_, ids);
  ids_ = reinterpret_cast<const std::uint32_t*>(staging.device(batch_at_.indices));
  bad_indices_ += replaced;
  return replaced;
}

// Fills checked_ids_.
void CudaEmbedding::check_on_device(const BagBatch& batch) {
  CheckArguments args{};
  args.indices = batch_->device(batch_at_.indices);
  args.type = batch.index_type;
  args.count = batch.index_count;
  args.first_ids = batch_->device(batch_at_.first_ids);
  args.cardinalities = cardinalities_.data();
  args.features = static_cast<std::uint32_t>(layout_.features.size());
  args.policy = bad_index_;
  args.ids = checked_ids_.data();
  launch_check_indices(args, bad_.data(), stream_.get());
}

void CudaEmbedding::enqueue_lookup(bool train, const std::uint32_t* halted, std::size_t part) {
  if (train && counts_.data() != nullptr) {
    CountArguments counting{};
    counting.ids = ids_;
    counting.count = kept_indices_;
    counting.first_ids = batch_->device(batch_at_.first_ids);
    counting.first_counts = device_first_counts_.data();
    counting.features = static_cast<std::uint32_t>(layout_.features.size());
    counting.halted = halted;
    counting.counts = counts_.data();
    launch_count_accesses(counting, stream_.get());
  }

  LookupArguments lookup{};
  lookup.segments = batch_->device(parts_[part].segments_at);
  lookup.first_block = batch_->device(parts_[part].first_block_at);
  lookup.segment_count = static_cast<std::uint32_t>(segments_.size());
  lookup.tables = tables_in_view();
  lookup.ids = ids_;
  lookup.offsets = batch_->device(batch_at_.offsets);
  lookup.weights = weighted_ ? batch_->device(batch_at_.weights) : nullptr;
  lookup.out = out_.data();
  launch_lookup(lookup, parts_[part].first_block.back(), stream_.get());
}

std::size_t CudaEmbedding::forward(const BagBatch& batch, float* out, bool train) {
  const OnDevice here;
  take_bags(batch, train);
  staging_.clear();
  stage_batch(batch, staging_, train ? kWhole : kMostLookedUp);
  checked_ids_.reserve(batch.index_count, "a batch's ids");
  staging_.fill("a batch");  // all room is made: past this, only a failing device can stop the call
  ids_ = checked_ids_.data();
  BadIndices bad{~0u, 0};
  bad_.upload(&bad, 1, stream_, kCopying);
  staging_.upload(stream_, kCopying);
  check_on_device(batch);
  enqueue_lookup(train, bad_index_ == BadIndex::kError ? &bad_.data()->count : nullptr);
  bad_.download(&bad, 1, stream_, "copy the result of the index check");
  stream_.wait("look up a batch");
  if (bad.count > 0 && bad_index_ == BadIndex::kError) fail_bad_index(layout_, batch, bags_, offsets_, bad.first);
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    if (part > 0) enqueue_lookup(false, nullptr, part);
    out_.download(out + parts_[part].first, parts_[part].floats, stream_, "copy the pooled rows from the device");
  }
  stream_.wait("copy the pooled rows from the device");
  bad_indices_ += bad.count;
  kept_ = train;
  return bad.count;
}

void CudaEmbedding::read_values(std::size_t t, std::uint64_t first, std::size_t count, float* out) const {
  const OnDevice here;
  const std::size_t width = layout_.tables[t].width;
  tables_[t].weights.download(out, count * width, stream_, kReading, first * width);
  stream_.wait(kReading);
}

void CudaEmbedding::write_values(std::size_t t, std::uint64_t first, std::size_t count, const float* values) {
  const OnDevice here;
  const std::size_t width = layout_.tables[t].width;
  tables_[t].weights.upload(values, count * width, stream_, kWriting, first * width);
  stream_.wait(kWriting);
}

// Rows are float32 here: their values are what is stored.
void CudaEmbedding::read_rows(std::size_t t, std::uint64_t first, std::size_t count, std::uint8_t* out) const {
  read_values(t, first, count, reinterpret_cast<float*>(out));
}

void CudaEmbedding::write_rows(std::size_t t, std::uint64_t first, std::size_t count, const std::uint8_t* rows) {
  write_values(t, first, count, reinterpret_cast<const float*>(rows));
}

void CudaEmbedding::read_state(std::size_t t, std::uint64_t first, std::size_t count, float* out) const {
  const OnDevice here;
  const std::size_t width = state_per_row(t);
  tables_[t].state.download(out, count * width, stream_, kReading, first * width);
  stream_.wait(kReading);
}

void CudaEmbedding::write_state(std::size_t t, std::uint64_t first, std::size_t count, const float* state) {
  const OnDevice here;
  const std::size_t width = state_per_row(t);
  tables_[t].state.upload(state, count * width, stream_, kWriting, first * width);
  stream_.wait(kWriting);
}

void CudaEmbedding::read_counts(std::size_t f, std::uint64_t first, std::size_t count, std::uint32_t* out) {
  const OnDevice here;
  counts_.download(out, count, stream_, kReading, first_count_[f] + first);
  stream_.wait(kReading);
}

void CudaEmbedding::write_counts(std::size_t f, std::uint64_t first, std::size_t count, const std::uint32_t* counts) {
  const OnDevice here;
  counts_.upload(counts, count, stream_, kWriting, first_count_[f] + first);
  stream_.wait(kWriting);
}

EmbeddingEngine::Usage CudaEmbedding::usage() const {
  Usage usage = EmbeddingEngine::usage();
  if (counts_.data() != nullptr) usage.counts = first_count_.back() * sizeof(std::uint32_t);
  return usage;
}

std::unique_ptr<EmbeddingEngine> make_embedding(EmbeddingLayout layout, OptimizerSettings optimizer, BadIndex bad_index,
                                                std::uint64_t seed, bool count_accesses) {
  const OnDevice here;
  for (const Feature& feature : layout.features) {
    if (feature.source == nullptr) continue;
    fail("NOT_SUPPORTED", "Expected internal tables on a CUDA device for feature \"", feature.name,
         "\", received source ", feature.source->settings().kind, ": use device \"cpu\" for sources");
  }
  for (const TableShape& table : layout.tables) {
    if (table.precision != Precision::kFloat32 || table.width > kWidestRow) {
      fail("NOT_SUPPORTED", "Expected float32 rows of width up to ", kWidestRow, " on a CUDA device for table \"",
           table.name, "\": use device \"cpu\" for others");
    }
  }
  return std::make_unique<CudaEmbedding>(std::move(layout), optimizer, bad_index, seed, count_accesses);
}

}  // namespace collide::cuda
