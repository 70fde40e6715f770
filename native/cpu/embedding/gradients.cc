// The part of CpuEmbedding that goes back: which gradients each table learns from, and the tables' steps as tasks.
#include <algorithm>
#include <atomic>
#include <utility>

#include "core/support/error.h"
#include "core/support/random.h"
#include "cpu/embedding/engine.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr std::size_t kNone = ~std::size_t{0};
constexpr std::size_t kMostEntries = 0xffffffff;  // sorted entries are numbered in 32 bits
// A table's ids from which its backward may be split over threads when it is much of the batch, and in any case.
constexpr std::size_t kSplit = 1 << 15, kSplitAlways = 1 << 20;

}  // namespace

FactorTask CpuEmbedding::factor_task(std::size_t f, const float* gradient) {
  return {pooled_[f],
          pooled_hashes(f),
          feature_tables_[f].data(),
          pooled_ids(f),
          offsets_.data() + bags_[f].first_bag,
          weights_.empty() ? nullptr : weights_.data(),
          gradient + bags_[f].base,
          bags_[f].stride};
}

// The gradients of all factors, before any row is stepped.
void CpuEmbedding::make_factor_gradients(const float* gradient) {
  factor_offsets_.assign(bags_.size(), kNone);
  std::size_t size = 0;
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    const Feature& feature = layout_.features[f];
    if (feature.combine != Combine::kMultiply) continue;
    factor_offsets_[f] = size;
    size += ids_of(f) * feature.dim * feature.hashes.size();
  }
  if (size >= (1ull << 32)) {
    fail("INVALID_ARGUMENT", "Expected fewer than 2^32 gradients of factors (ids x dim x hash functions), received ",
         size);
  }
  factors_.resize(std::max(factors_.size(), size));
  parallel_for(bags_.size(), threads_for(size), [&](std::size_t f) {
    if (factor_offsets_[f] == kNone) return;
    std::vector<float*> out;
    for (std::size_t h = 0; h < layout_.features[f].hashes.size(); ++h) {
      out.push_back(factors_.data() + factor_offsets_[f] + h * ids_of(f) * layout_.features[f].dim);
    }
    factor_gradients(factor_task(f, gradient), 0, bags_[f].bags, out.data());
  });
}

// Adds a feature's share of the output's gradient, from `column` of its columns on, to what a table learns.
void CpuEmbedding::add_gradient(TableGradient& task, std::size_t f, const std::uint32_t* rows,
                                std::size_t column) const {
  const Feature& feature = *pooled_[f];
  const FeatureBags& bags = bags_[f];
  const float* weights = weights_.empty() ? nullptr : weights_.data();
  task.sources.push_back({&feature, rows, offsets_.data() + bags.first_bag, weights, bags.bags, bags.base + column,
                          bags.stride, feature.pooling == Pooling::kNone ? feature.dim : 0, false});
  task.weighted = task.weighted || weights != nullptr || feature.pooling == Pooling::kMean;
  task.n += ids_of(f);
}

// What each table learns, from all features that it serves.
std::vector<TableGradient> CpuEmbedding::table_gradients(const float* gradient) {
  std::vector<TableGradient> tasks;
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    tasks.push_back(
        {&tables_[t], mix64(seed_ ^ mix64(steps_ * tables_.size() + t)), gradient, pending_ && tables_[t].counts, {}});
  }
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    const Feature& feature = layout_.features[f];
    if (feature.source != nullptr) continue;
    for (std::size_t h = 0; h < feature.hashes.size(); ++h) {
      TableGradient& task = tasks[feature.tables[h]];
      if (feature.combine == Combine::kMultiply) {
        task.gradient = factors_.data();
        task.sources.push_back({&feature, rows_of(f, h), offsets_.data() + bags_[f].first_bag, nullptr, bags_[f].bags,
                                factor_offsets_[f] + h * ids_of(f) * feature.dim, bags_[f].stride, feature.dim, true});
        task.n += ids_of(f);
      } else {
        add_gradient(task, f, rows_of(f, h), feature.combine == Combine::kConcat ? h * feature.table_width() : 0);
      }
    }
  }
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    const std::vector<std::size_t>& tables = layout_.features[layout_.sources[s].features[0]].tables;
    for (std::size_t t = 0; t < tables.size(); ++t) sources_[s]->add_gradient(t, tasks[tables[t]]);
  }
  return tasks;
}

void CpuEmbedding::check_gradient(const float* gradient) const {
  constexpr std::size_t kChunk = 1 << 15;
  const std::size_t count = kept_output();
  std::atomic<bool> fit{true};
  parallel_for((count + kChunk - 1) / kChunk, threads_for(count), [&](std::size_t c) {
    if (!gradients_fit(gradient + c * kChunk, std::min(kChunk, count - c * kChunk), most_gradient())) fit = false;
  });
  if (!fit) fail_gradient(gradient, count, most_gradient());
}

void CpuEmbedding::backward(const float* gradient, float* weight_gradient) {
  kept_output();
  for (const TableShape& shape : layout_.tables) {
    if (!trainable(shape.precision)) {
      fail("NOT_SUPPORTED", "Expected rows of float32, float16 or bfloat16 to train table \"", shape.name,
           "\": int8 and int4 rows only serve");
    }
  }
  check_gradient(gradient);
  std::size_t ids = 0, work = 0;
  std::vector<std::size_t> of_table(tables_.size());
  for (std::size_t f = 0; f < bags_.size(); ++f) {
    ids += ids_of(f) * layout_.features[f].tables.size();
    for (const std::size_t t : layout_.features[f].tables) of_table[t] += ids_of(f);
    work += 2 * ids_of(f) * layout_.features[f].dim;
  }
  if (*std::max_element(of_table.begin(), of_table.end()) > kMostEntries) {
    fail("INVALID_ARGUMENT", "Expected fewer than 2^32 ids times hash functions for one table in a batch");
  }
  make_source_gradients(gradient);
  if (weight_gradient != nullptr) {
    parallel_for(bags_.size(), threads_for(work),
                 [&](std::size_t f) { weight_gradients(factor_task(f, gradient), 0, bags_[f].bags, weight_gradient); });
  }
  make_factor_gradients(gradient);
  kept_ = false;
  const OptimizerStep step = optimizer_.step(++steps_);
  std::vector<TableGradient> tasks = table_gradients(gradient);
  pending_ = false;
  // A table of much more than a thread's share would keep one thread busy when the others are done. Split, it costs
  // more: several threads sort it, and its frequent rows are not summed apart.
  const unsigned threads = threads_for(work);
  const auto split = [&](const TableGradient& task) {
    const bool large = task.n > kSplitAlways || (task.n > kSplit && 4 * task.n > ids);
    return large && 4 * task.n * threads > 5 * ids;
  };
  for (const TableGradient& task : tasks) {
    if (split(task)) apply_gradient(task, step, threads);
  }
  std::erase_if(tasks, split);
  // Longest first, so that no thread is left with a long table at the end.
  std::stable_sort(tasks.begin(), tasks.end(), [](const auto& a, const auto& b) { return a.n > b.n; });
  parallel_for(tasks.size(), threads, [&](std::size_t task) { apply_gradient(tasks[task], step); });
}

}  // namespace collide
