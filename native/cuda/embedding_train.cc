// The host side of backward: what is where in a batch, and the launches in order.
#include <bit>

#include "core/error.h"
#include "cuda/embedding.cuh"

namespace collide::cuda {

namespace {

constexpr const char* kPlanning = "copy the plan of backward to the device";
constexpr std::size_t kAlignment = 4;  // floats of the widest pack

template <typename T>
void put(DeviceArray<T>& to, const std::vector<T>& values, const Stream& stream) {
  to.reserve(values.size(), "the plan of backward");
  to.upload(values.data(), values.size(), stream, kPlanning);
}

}  // namespace

FactorArguments CudaEmbedding::factors_of(std::size_t f) const {
  const Feature& feature = layout_.features[f];
  FactorArguments args{};
  args.tables = device_tables_.data() + first_mapping_[f];
  args.hashes = static_cast<std::uint32_t>(feature.hashes.size());
  args.width = feature.table_width();
  args.combine = feature.combine;
  args.pooling = feature.pooling;
  args.ids = ids_.data();
  args.offsets = device_offsets_.data() + bags_[f].first_bag;
  args.weights = weighted_ ? weights_.data() : nullptr;
  args.bags = static_cast<std::uint32_t>(bags_[f].bags);
  args.first_id = first_ids_[f];
  args.count = static_cast<std::uint32_t>(ids_of(f));
  args.gradient = gradient_.data() + bags_[f].base;
  args.stride = bags_[f].stride;
  args.dim = feature.dim;
  return args;
}

// The gradients of all factors, before any row is stepped.
void CudaEmbedding::make_factor_gradients() {
  factor_offsets_.assign(bags_.size(), 0);
  std::size_t size = 0;
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    const Feature& feature = layout_.features[f];
    if (feature.combine != Combine::kMultiply) continue;
    factor_offsets_[f] = size;
    size += (ids_of(f) * feature.dim * feature.hashes.size() + kAlignment - 1) / kAlignment * kAlignment;
  }
  if (size >= (1ull << 32)) {
    fail("INVALID_ARGUMENT", "Expected fewer than 2^32 gradients of factors (ids x dim x hash functions), received ",
         size);
  }
  factors_.reserve(size, "the gradients of factors");
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    if (layout_.features[f].combine != Combine::kMultiply) continue;
    launch_factor_gradients(factors_of(f), factors_.data() + factor_offsets_[f], stream_.get());
  }
}

BackwardPlan CudaEmbedding::plan_backward() const {
  BackwardPlan plan;
  plan.weighted = weighted_;
  std::vector<std::vector<GradientSource>> of_table(layout_.tables.size());
  std::vector<std::vector<std::size_t>> ids(layout_.tables.size());
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    if (ids_of(f) == 0) continue;
    const Feature& feature = layout_.features[f];
    plan.weighted = plan.weighted || feature.pooling == Pooling::kMean;
    for (std::size_t h = 0; h < feature.hashes.size(); ++h) {
      const std::size_t t = feature.tables[h];
      GradientSource source{};
      source.hash = first_mapping_[f] + static_cast<std::uint32_t>(h);
      source.first_id = first_ids_[f];
      source.first_bag = bags_[f].first_bag;
      source.bags = bags_[f].bags;
      source.mean = feature.pooling == Pooling::kMean;
      source.per_id = feature.combine == Combine::kMultiply;
      if (source.per_id) {
        source.base = factor_offsets_[f] + h * ids_of(f) * feature.dim;
        source.position = feature.dim;
      } else {
        source.base = bags_[f].base + (feature.combine == Combine::kConcat ? h * feature.table_width() : 0);
        source.stride = bags_[f].stride;
        source.position = feature.pooling == Pooling::kNone ? feature.dim : 0;
      }
      source.first_key = first_key_[t];
      source.pruned_key = first_key_[t + 1] - 1;
      of_table[t].push_back(source);
      ids[t].push_back(ids_of(f));
    }
  }
  std::uint64_t blocks = 0;
  for (std::size_t t = 0; t < layout_.tables.size(); ++t) {
    if (of_table[t].empty()) continue;
    const TableShape& shape = layout_.tables[t];
    SteppedTable table{};
    table.weights = tables_[t].weights.data();
    table.state = tables_[t].state.data();
    table.gradient = shape.factor ? factors_.data() : gradient_.data();
    table.first_key = first_key_[t];
    table.pruned_key = first_key_[t + 1] - 1;
    table.width = shape.width;
    table.pack = pack_of(shape.width);
    table.state_per_row = static_cast<std::uint32_t>(state_per_row(t));
    table.aligned_state = table.state_per_row % table.pack == 0;
    table.aligned_gradient = true;
    table.first_entry = static_cast<std::uint32_t>(plan.entries);
    for (std::size_t s = 0; s < of_table[t].size(); ++s) {
      const GradientSource& source = of_table[t][s];
      table.aligned_gradient = table.aligned_gradient && source.base % table.pack == 0 &&
                               source.stride % table.pack == 0 && source.position % table.pack == 0;
      plan.sources.push_back(source);
      plan.first_entry.push_back(static_cast<std::uint32_t>(plan.entries));
      plan.entries += ids[t][s];
    }
    if (plan.entries > kMostRows) {
      fail("INVALID_ARGUMENT", "Expected fewer than 2^32 ids times hash functions in a batch on a CUDA device");
    }
    table.entries = static_cast<std::uint32_t>(plan.entries) - table.first_entry;
    plan.first_block.push_back(static_cast<std::uint32_t>(blocks));
    blocks += (table.entries + kEntriesPerBlock - 1) / kEntriesPerBlock;
    const std::uint64_t long_runs = table.entries / (kFloatRun + 1);
    plan.long_runs += long_runs;
    plan.long_floats += long_runs * shape.width;
    plan.widest = std::max(plan.widest, shape.width);
    plan.tables.push_back(table);
  }
  plan.first_block.push_back(static_cast<std::uint32_t>(blocks));
  return plan;
}

// All room first: past this, only a failing device can stop the step.
void CudaEmbedding::make_room(const BackwardPlan& plan) {
  const char* what = "the gradients of a batch";
  keys_.reserve(plan.entries, what), sorted_keys_.reserve(plan.entries, what);
  values_.reserve(plan.entries, what), sorted_values_.reserve(plan.entries, what);
  terms_.reserve(plan.weighted ? plan.entries : 0, what);
  long_runs_.reserve(plan.long_runs, what), pieces_.reserve(plan.long_runs, what);
  sums_.reserve(plan.long_floats, what);
}

void CudaEmbedding::step_rows(const BackwardPlan& plan, const OptimizerStep& step) {
  put(sources_, plan.sources, stream_);
  put(source_entries_, plan.first_entry, stream_);
  put(stepped_, plan.tables, stream_);
  put(step_blocks_, plan.first_block, stream_);

  ExpandArguments expanding{};
  expanding.sources = sources_.data();
  expanding.first_entry = source_entries_.data();
  expanding.source_count = static_cast<std::uint32_t>(plan.sources.size());
  expanding.entries = plan.entries;
  expanding.tables = device_tables_.data();
  expanding.ids = ids_.data();
  expanding.offsets = device_offsets_.data();
  expanding.weights = weighted_ ? weights_.data() : nullptr;
  expanding.keys = keys_.data();
  expanding.values = values_.data();
  expanding.terms = plan.weighted ? terms_.data() : nullptr;
  launch_expand(expanding, stream_.get());
  sort_entries(scratch_, keys_.data(), sorted_keys_.data(), values_.data(), sorted_values_.data(), plan.entries,
               std::bit_width(first_key_.back() - 1), stream_.get());

  listed_.clear(1, stream_, "clear the list of long runs");
  const StepArguments stepping{optimizer_.kind,
                               step,
                               stepped_.data(),
                               step_blocks_.data(),
                               static_cast<std::uint32_t>(plan.tables.size()),
                               sorted_keys_.data(),
                               sorted_values_.data(),
                               expanding.terms,
                               listed_.data(),
                               long_runs_.data(),
                               pieces_.data(),
                               sums_.data()};
  launch_steps(stepping, plan, stream_.get());
}

void CudaEmbedding::backward(const float* gradient, float* weight_gradient) {
  const std::size_t outputs = kept_output();
  gradient_.reserve(outputs, "the gradient of a batch");
  gradient_.upload(gradient, outputs, stream_, "copy the gradient to the device");
  if (weight_gradient != nullptr) {
    weight_gradient_.reserve(kept_indices_, "the gradients of weights");
    for (std::size_t f = 0; f < bags_.size(); ++f) {
      launch_weight_gradients(factors_of(f), weight_gradient_.data(), stream_.get());
    }
    weight_gradient_.download(weight_gradient, kept_indices_, stream_, "copy the gradients of weights");
  }
  make_factor_gradients();
  const BackwardPlan plan = plan_backward();
  make_room(plan);
  kept_ = false;
  const OptimizerStep step(optimizer_, ++steps_);
  if (plan.entries > 0) step_rows(plan, step);
  stream_.wait("step the rows of a batch");
}

}  // namespace collide::cuda
