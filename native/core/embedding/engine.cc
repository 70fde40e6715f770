#include "core/embedding/engine.h"

#include "core/support/error.h"

namespace collide {

namespace {

// Positions of a batch and floats of its output are numbered in 32 bits.
void check_size(const EmbeddingLayout& layout, const std::vector<FeatureBags>& bags) {
  for (std::size_t f = 0; f < bags.size(); ++f) {
    const Feature& feature = layout.features[f];
    if (bags[f].bags * feature.sequence_length >= (1ull << 32)) {
      fail("INVALID_ARGUMENT", "Expected fewer than 2^32 positions (batch ", bags[f].bags, " times sequence length ",
           feature.sequence_length, ") for feature \"", feature.name, "\"");
    }
  }
  if (const std::size_t size = output_size(layout, bags); size >= (1ull << 32)) {
    fail("INVALID_ARGUMENT", "Expected a batch whose output is fewer than 2^32 floats, received one of ", size);
  }
}

}  // namespace

void EmbeddingEngine::take_bags(const BagBatch& batch, bool train) {
  kept_ = false;
  if (train && batch.fold >= layout_.folds) {
    fail("INVALID_ARGUMENT", "Expected a fold below ", layout_.folds, " for a batch to train, received ", batch.fold);
  }
  view_ = {train, batch.fold};
  bags_ = feature_bags(layout_, batch);
  check_size(layout_, bags_);
  copy_offsets(layout_, batch, bags_, offsets_);
  kept_indices_ = batch.index_count;
}

std::size_t EmbeddingEngine::kept_output() const {
  if (!kept_) fail("NO_FORWARD", "Expected a successful training forward before each backward");
  return output_size(layout_, bags_);
}

std::size_t EmbeddingEngine::kept_indices() const {
  kept_output();
  return kept_indices_;
}

std::size_t EmbeddingEngine::state_per_row(std::size_t table) const {
  const TableShape& shape = layout_.tables[table];
  return trainable(shape.precision) ? optimizer_.state_per_row(shape.width) : 0;
}

void EmbeddingEngine::drop_training_hashes() {
  layout_.drop_training_hashes();
  view_ = {};
  kept_ = false;
}

EmbeddingEngine::Usage EmbeddingEngine::usage() const {
  Usage usage{};
  for (std::size_t t = 0; t < layout_.tables.size(); ++t) {
    const TableShape& shape = layout_.tables[t];
    usage.rows += shape.rows * row_bytes(shape.precision, shape.width);
    usage.optimizer += shape.rows * state_per_row(t) * sizeof(float);
  }
  for (const Feature& feature : layout_.features) {
    for (const HashFunction& hash : feature.hashes) usage.mapping += hash.mapping_bytes();
    for (const auto& hashes : feature.training_hashes) {
      for (const HashFunction& hash : hashes) usage.training_mapping += hash.mapping_bytes();
    }
  }
  return usage;
}

}  // namespace collide
