#include "core/embedding/layout.h"

#include <algorithm>

#include "core/support/error.h"

namespace collide {

Feature Feature::copy() const {
  Feature other{name, cardinality, dim,         pooling,    sequence_length, combine, precision,
                {},   {},          table_names, init_scale, source,          tables};
  for (const HashFunction& hash : hashes) other.hashes.push_back(hash.copy());
  return other;
}

EmbeddingLayout::EmbeddingLayout(std::vector<Feature> list) : features(std::move(list)) {
  if (features.empty()) fail("INVALID_ARGUMENT", "Expected at least one feature, received none");
  for (std::size_t f = 0; f < features.size(); ++f) {
    Feature& feature = features[f];
    const auto expect = [&](bool holds, const char* what) {
      if (!holds) fail("INVALID_ARGUMENT", "Expected ", what, " for feature \"", feature.name, "\"");
    };
    expect(feature.cardinality >= 1 && feature.cardinality < (1ull << 32), "a cardinality from 1 to 2^32 - 1");
    expect(feature.dim >= 1 && feature.dim <= 65536, "a dim from 1 to 65536");
    expect(feature.sequence_length >= 1, "a sequence length of at least 1");
    expect(std::uint64_t{feature.dim} * feature.sequence_length < (1ull << 32), "a dim * sequence length below 2^32");
    expect(!feature.hashes.empty(), "at least one hash function");
    expect(feature.table_names.empty() || feature.table_names.size() == feature.hashes.size(),
           "one table name per hash function");
    expect(feature.combine != Combine::kConcat || feature.dim % feature.hashes.size() == 0,
           "a dim divisible by the number of hash functions to concat");
    feature.tables.clear();
    const auto check_hash = [&](const HashFunction& hash) {
      expect(hash.rows >= 1 && hash.rows < (1ull << 32), "1 to 2^32 - 1 rows");
      const char* misfit = hash.misfit(feature.cardinality);
      expect(misfit == nullptr, misfit);
    };
    std::ranges::for_each(feature.hashes, check_hash);
    for (const auto& hashes : feature.training_hashes) std::ranges::for_each(hashes, check_hash);
    if (feature.source == nullptr) {
      for (std::size_t h = 0; h < feature.hashes.size(); ++h) {
        feature.tables.push_back(table_of(feature, hashed_table(feature, h)));
      }
    } else {
      expect(feature.hashes.size() == 1 && feature.combine == Combine::kSum, "one hash function beside a source");
      const RowSourceSettings& settings = feature.source->settings();
      expect(settings.rows == feature.hashes[0].rows && settings.dim == feature.dim && !settings.tables.empty(),
             "a source of as many rows and columns, made from at least one table");
      use_source(f);
    }
    check_training(feature);
    output_offset.push_back(output_width);
    output_width += feature.output_width();
  }
}

void EmbeddingLayout::check_training(const Feature& feature) {
  const std::size_t lists = feature.training_hashes.size();
  if (lists > 1 && folds == 1) folds = lists;
  if (lists > 1 && lists != folds) {
    fail("INVALID_ARGUMENT", "Expected training hashes for ", folds, " folds, as another feature has them, or for all ",
         "folds alike for feature \"", feature.name, "\", received ", lists);
  }
  for (const std::vector<HashFunction>& hashes : feature.training_hashes) {
    if (hashes.size() != feature.hashes.size()) {
      fail("INVALID_ARGUMENT", "Expected ", feature.hashes.size(),
           " training hashes, one per hash function, for feature \"", feature.name, "\", received ", hashes.size());
    }
    for (std::size_t h = 0; h < hashes.size(); ++h) {
      if (hashes[h].rows == feature.hashes[h].rows) continue;
      fail("INVALID_ARGUMENT", "Expected ", feature.hashes[h].rows, " rows, those of the table, for training hash ", h,
           " of feature \"", feature.name, "\", received ", hashes[h].rows);
    }
  }
}

void EmbeddingLayout::drop_training_hashes() {
  for (Feature& feature : features) feature.training_hashes.clear();
  folds = 1;
}

TableShape EmbeddingLayout::hashed_table(const Feature& feature, std::size_t hash) const {
  std::string name = feature.name;
  if (feature.hashes.size() > 1) name.append("/").append(std::to_string(hash));
  if (!feature.table_names.empty()) name = feature.table_names[hash];
  TableShape shape{name,
                   feature.hashes[hash].rows,
                   feature.table_width(),
                   feature.precision,
                   feature.combine == Combine::kMultiply,
                   0,
                   feature.init_scale,
                   {}};
  // Factors of a product: the first has the scale of a row, the others are near 1, or the product would start tiny.
  if (shape.factor && hash > 0) shape.init_center = 1, shape.init_scale = 0.5f;
  return shape;
}

// The tables of a feature's source, and the source itself, which may serve features before it.
void EmbeddingLayout::use_source(std::size_t f) {
  Feature& feature = features[f];
  const RowSourceSettings& settings = feature.source->settings();
  const std::string& name = feature.table_names.empty() ? feature.name : feature.table_names[0];
  for (const SourceTable& table : settings.tables) {
    const std::string suffix = table.part.empty() ? "" : "/" + table.part;
    const Precision precision = table.exact ? Precision::kFloat32 : feature.precision;
    if (table.rows < 1 || table.rows > kMostRows || table.width < 1 || table.width > 65536) {
      fail("INVALID_ARGUMENT", "Expected 1 to 2^32 - 1 rows of width 1 to 65536 for table \"", name, suffix,
           "\" of feature \"", feature.name, "\", received ", table.rows, " of width ", table.width);
    }
    feature.tables.push_back(table_of(feature, {name + suffix, table.rows, table.width, precision, false,
                                                table.init_center, table.init_scale, settings.kind + suffix}));
  }
  for (SourceUse& use : sources) {
    const Feature& other = features[use.features[0]];
    if (other.tables[0] != feature.tables[0]) continue;
    if (use.source->settings() != settings) {
      fail("INVALID_ARGUMENT", "Expected the same source for features \"", other.name, "\" and \"", feature.name,
           "\", which share table \"", name, "\"");
    }
    use.features.push_back(f);
    return;
  }
  sources.push_back({feature.source.get(), {f}});
}

// The table of this name, a new one if there is none.
std::size_t EmbeddingLayout::table_of(const Feature& feature, TableShape shape) {
  for (std::size_t t = 0; t < tables.size(); ++t) {
    if (tables[t].name != shape.name) continue;
    const TableShape& has = tables[t];
    if (has.rows == shape.rows && has.width == shape.width && has.precision == shape.precision &&
        has.factor == shape.factor && has.of_source == shape.of_source) {
      return t;
    }
    const auto describe = [](const TableShape& table) {
      return std::to_string(table.rows) + " rows of width " + std::to_string(table.width) + " in " +
             kPrecisions.word(table.precision) + (table.factor ? ", multiplied" : "") +
             (table.of_source.empty() ? "" : ", of source " + table.of_source);
    };
    const auto names = [&](const Feature& other) { return std::ranges::find(other.tables, t) != other.tables.end(); };
    fail("INVALID_ARGUMENT", "Expected ", describe(has), " for table \"", shape.name, "\" of feature \"", feature.name,
         "\", as feature \"", std::ranges::find_if(features, names)->name, "\" has it, received ", describe(shape));
  }
  tables.push_back(std::move(shape));
  return tables.size() - 1;
}

std::vector<FeatureBags> feature_bags(const EmbeddingLayout& layout, const BagBatch& batch) {
  std::vector<FeatureBags> all;
  std::size_t bag = 0, base = 0;
  for (std::size_t f = 0; f < layout.features.size(); ++f) {
    const std::size_t width = layout.features[f].output_width();
    if (batch.batch_sizes == nullptr) {
      all.push_back({bag, batch.batch, layout.output_offset[f], layout.output_width});
    } else {
      all.push_back({bag, batch.batch_sizes[f], base, width});
    }
    bag += all.back().bags;
    base += all.back().bags * width;
  }
  return all;
}

std::size_t output_size(const EmbeddingLayout& layout, const std::vector<FeatureBags>& bags) {
  std::size_t size = 0;
  for (std::size_t f = 0; f < bags.size(); ++f) size += bags[f].bags * layout.features[f].output_width();
  return size;
}

}  // namespace collide
