// The part of CpuEmbedding that looks rows up in sources (core/embedding/row_source.h) and takes their gradients back.
#include "cpu/embedding/engine.h"
#include "cpu/embedding/forward.h"

namespace collide {

void CpuEmbedding::add_sources() {
  for (const Feature& feature : layout_.features) pooled_.push_back(&feature);
  for (const SourceUse& use : layout_.sources) {
    const SourceBatch& source = *sources_.emplace_back(std::make_unique<SourceBatch>(layout_, use));
    for (std::size_t i = 0; i < use.features.size(); ++i) {
      pooled_[use.features[i]] = &source.feature(i);
      feature_tables_[use.features[i]] = {source.rows()};
    }
  }
}

std::vector<SourceRows> CpuEmbedding::source_tables(const SourceUse& use) const {
  std::vector<SourceRows> tables;
  for (const std::size_t t : layout_.features[use.features[0]].tables) {
    const InternalTable& table = tables_[t];
    tables.push_back({table.weights.as<std::uint8_t>(), table.rows, table.width, table.precision});
  }
  return tables;
}

void CpuEmbedding::make_source_rows() {
  if (!sources_.empty()) slots_.resize(kept_indices_ + kIdsPadding);
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    const SourceUse& use = layout_.sources[s];
    std::size_t ids = 0;
    for (const std::size_t f : use.features) ids += ids_of(f);
    const unsigned threads = threads_for(ids * use.source->settings().dim);
    sources_[s]->clear(ids);
    for (const std::size_t f : use.features) {
      const std::size_t first = offsets_[bags_[f].first_bag];
      sources_[s]->add(hashes_of(f)[0], ids_.data() + first, ids_of(f), first, threads);
    }
    sources_[s]->make(source_tables(use), slots_.data(), threads);
  }
}

// The gradients of all sources' tables, before any row is stepped.
void CpuEmbedding::make_source_gradients(const float* gradient) {
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    const SourceUse& use = layout_.sources[s];
    TableGradient task{nullptr, 0, gradient, false, {}};
    for (const std::size_t f : use.features) add_gradient(task, f, slots_.data(), 0);
    const unsigned threads = threads_for(2 * task.n * use.source->settings().dim);
    sources_[s]->backward(source_tables(use), task, most_gradient(), threads);
  }
}

}  // namespace collide
