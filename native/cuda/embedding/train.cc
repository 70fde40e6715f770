// The host side of backward: what is where in a batch, and the launches in order.
#include <bit>

#include "core/support/error.h"
#include "cuda/embedding/engine.cuh"
#include "cuda/support/on_device.cuh"

namespace collide::cuda {

namespace {

constexpr std::size_t kAlignment = 4;  // floats of the widest pack

}  // namespace

FactorArguments CudaEmbedding::factors_of(std::size_t f) const {
  const Feature& feature = layout_.features[f];
  FactorArguments args{};
  args.tables = tables_in_view() + first_mapping_[f];
  args.hashes = static_cast<std::uint32_t>(feature.hashes.size());
  args.width = feature.table_width();
  args.combine = feature.combine;
  args.pooling = feature.pooling;
  args.ids = ids_;
  args.offsets = batch_->device(batch_at_.offsets) + bags_[f].first_bag;
  args.weights = weighted_ ? batch_->device(batch_at_.weights) : nullptr;
  args.bags = static_cast<std::uint32_t>(bags_[f].bags);
  args.first_id = first_ids_[f];
  args.count = static_cast<std::uint32_t>(ids_of(f));
  args.gradient = gradient_.data() + bags_[f].base;
  args.stride = bags_[f].stride;
  args.dim = feature.dim;
  return args;
}

// Makes room for the gradients of all factors.
void CudaEmbedding::place_factors() {
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
    table.aligned_state = state_per_row(t) % table.pack == 0;
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

// Plans a backward of the batch in hand, with room for all of it, and adds the plan to the staging.
void CudaEmbedding::stage_backward(Staging& staging) {
  place_factors();
  plan_ = plan_backward();
  const char* what = "the gradients of a batch";
  keys_.reserve(plan_.entries, what), sorted_keys_.reserve(plan_.entries, what);
  values_.reserve(plan_.entries, what), sorted_values_.reserve(plan_.entries, what);
  terms_.reserve(plan_.weighted ? plan_.entries : 0, what);
  long_runs_.reserve(plan_.long_runs, what), pieces_.reserve(plan_.long_runs, what);
  sums_.reserve(plan_.long_floats, what);
  reserve_sort(scratch_, plan_.entries, std::bit_width(first_key_.back() - 1));
  plan_in_ = &staging;
  plan_at_.sources = staging.add(plan_.sources.data(), plan_.sources.size());
  plan_at_.first_entry = staging.add(plan_.first_entry.data(), plan_.first_entry.size());
  plan_at_.tables = staging.add(plan_.tables.data(), plan_.tables.size());
  plan_at_.first_block = staging.add(plan_.first_block.data(), plan_.first_block.size());
}

void CudaEmbedding::step_rows(const OptimizerStep& step, const float* loss) {
  ExpandArguments expanding{};
  expanding.sources = plan_in_->device(plan_at_.sources);
  expanding.first_entry = plan_in_->device(plan_at_.first_entry);
  expanding.source_count = static_cast<std::uint32_t>(plan_.sources.size());
  expanding.entries = plan_.entries;
  expanding.tables = tables_in_view();
  expanding.ids = ids_;
  expanding.offsets = batch_->device(batch_at_.offsets);
  expanding.weights = weighted_ ? batch_->device(batch_at_.weights) : nullptr;
  expanding.keys = keys_.data();
  expanding.values = values_.data();
  expanding.terms = plan_.weighted ? terms_.data() : nullptr;
  launch_expand(expanding, stream_.get());
  sort_entries(scratch_, keys_.data(), sorted_keys_.data(), values_.data(), sorted_values_.data(), plan_.entries,
               std::bit_width(first_key_.back() - 1), stream_.get());

  listed_.clear(1, stream_, "clear the list of long runs");
  const StepArguments stepping{plan_in_->device(plan_at_.tables),
                               plan_in_->device(plan_at_.first_block),
                               static_cast<std::uint32_t>(plan_.tables.size()),
                               sorted_keys_.data(),
                               sorted_values_.data(),
                               expanding.terms,
                               loss,
                               listed_.data(),
                               long_runs_.data(),
                               pieces_.data(),
                               sums_.data()};
  launch_steps(stepping, step, plan_, stream_.get());
}

void CudaEmbedding::enqueue_backward(const float* loss) {
  // The gradients of all factors, before any row is stepped.
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    if (layout_.features[f].combine != Combine::kMultiply) continue;
    launch_factor_gradients(factors_of(f), factors_.data() + factor_offsets_[f], stream_.get());
  }
  const OptimizerStep step = optimizer_.step(++steps_);
  if (plan_.entries > 0) step_rows(step, loss);
}

void CudaEmbedding::backward(const float* gradient, float* weight_gradient) {
  const OnDevice here;
  const std::size_t outputs = kept_output();
  if (!gradients_fit(gradient, outputs, most_gradient())) fail_gradient(gradient, outputs, most_gradient());
  gradient_.reserve(outputs, "the gradient of a batch");
  weight_gradient_.reserve(weight_gradient != nullptr ? kept_indices_ : 0, "the gradients of weights");
  plan_staging_.clear();
  stage_backward(plan_staging_);
  plan_staging_.fill("the plan of backward");  // all room is made: past this, only a failing device can stop the step
  gradient_.upload(gradient, outputs, stream_, "copy the gradient to the device");
  plan_staging_.upload(stream_, "copy the plan of backward to the device");
  if (weight_gradient != nullptr) {
    for (std::size_t f = 0; f < bags_.size(); ++f) {
      launch_weight_gradients(factors_of(f), weight_gradient_.data(), stream_.get());
    }
    weight_gradient_.download(weight_gradient, kept_indices_, stream_, "copy the gradients of weights");
  }
  kept_ = false;
  enqueue_backward(nullptr);
  stream_.wait("step the rows of a batch");
}

}  // namespace collide::cuda
