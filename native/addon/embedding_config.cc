#include "addon/embedding_config.h"

#include "addon/addon.h"
#include "addon/hash.h"
#include "addon/names.h"
#include "addon/optimizer.h"
#include "addon/row_source.h"

namespace collide::addon {

namespace {

constexpr Names<Pooling> kPoolings({{"sum", Pooling::kSum}, {"mean", Pooling::kMean}, {"none", Pooling::kNone}});
constexpr Names<Combine> kCombines({{"sum", Combine::kSum},
                                    {"concat", Combine::kConcat},
                                    {"multiply", Combine::kMultiply}});
constexpr Names<BadIndex> kBadIndices(
    {{"error", BadIndex::kError}, {"zero", BadIndex::kZero}, {"clamp", BadIndex::kClamp}, {"hash", BadIndex::kHash}});

Feature read_feature(const Napi::Object& object) {
  Feature feature;
  feature.name = text(object, "name");
  feature.cardinality = static_cast<std::uint64_t>(number(object, "cardinality"));
  feature.dim = static_cast<std::uint32_t>(integer(object, "dim"));
  feature.pooling = named(object, "pooling", kPoolings);
  feature.sequence_length = static_cast<std::uint32_t>(integer(object, "sequenceLength"));
  feature.combine = named(object, "combine", kCombines);
  feature.precision = named(object, "precision", kPrecisions);
  feature.init_scale = static_cast<float>(number(object, "initScale"));
  const auto tables = object.Get("tables").As<Napi::Array>();
  for (std::uint32_t i = 0; i < tables.Length(); ++i) {
    feature.table_names.push_back(tables.Get(i).As<Napi::String>().Utf8Value());
  }
  const auto read_hashes = [&](const Napi::Array& list, const char* what) {
    std::vector<HashFunction> hashes;
    for (std::uint32_t i = 0; i < list.Length(); ++i) {
      const std::string where = what + std::to_string(i) + " of feature \"" + feature.name + "\"";
      hashes.push_back(read_hash(list.Get(i).As<Napi::Object>(), feature.cardinality, where));
    }
    return hashes;
  };
  feature.hashes = read_hashes(object.Get("hashes").As<Napi::Array>(), "hash function ");
  const auto folds = object.Get("trainingHashes").As<Napi::Array>();
  for (std::uint32_t fold = 0; fold < folds.Length(); ++fold) {
    feature.training_hashes.push_back(read_hashes(folds.Get(fold).As<Napi::Array>(), "training hash "));
  }
  const Napi::Value source = object.Get("source");
  if (!source.IsUndefined()) feature.source = read_row_source(source.As<Napi::Object>());
  return feature;
}

OptimizerSettings read_settings(const Napi::Object& object) {
  return {read_optimizer<EmbeddingOptimizer>(object, "an embedding optimizer"),
          static_cast<float>(number(object, "learningRate")), static_cast<float>(number(object, "maxRowNorm"))};
}

}  // namespace

EmbeddingConfig read_embedding_config(const Napi::Object& object) {
  EmbeddingConfig config;
  const auto features = object.Get("features").As<Napi::Array>();
  for (std::uint32_t i = 0; i < features.Length(); ++i) {
    config.features.push_back(read_feature(features.Get(i).As<Napi::Object>()));
  }
  config.optimizer = read_settings(object.Get("optimizer").As<Napi::Object>());
  config.bad_index = named(object, "badIndex", kBadIndices);
  config.count_accesses = boolean(object, "countAccesses");
  config.cuda = on_cuda(object);
  config.seed = seed(object, "seed");
  config.threads = static_cast<unsigned>(integer(object, "threads"));
  return config;
}

Napi::Object write_layout(Napi::Env env, const EmbeddingEngine& tables) {
  const EmbeddingLayout& layout = tables.layout();
  Napi::Array list = Napi::Array::New(env, layout.tables.size());
  for (std::size_t t = 0; t < layout.tables.size(); ++t) {
    const TableShape& shape = layout.tables[t];
    Napi::Object table = Napi::Object::New(env);
    table.Set("name", shape.name);
    table.Set("rows", static_cast<double>(shape.rows));
    table.Set("width", static_cast<double>(shape.width));
    table.Set("precision", kPrecisions.word(shape.precision));
    table.Set("bytesPerRow", static_cast<double>(row_bytes(shape.precision, shape.width)));
    table.Set("statePerRow", static_cast<double>(tables.state_per_row(t)));
    list.Set(static_cast<std::uint32_t>(t), table);
  }
  Napi::Array features = Napi::Array::New(env, layout.features.size());
  for (std::size_t f = 0; f < layout.features.size(); ++f) {
    const Feature& source = layout.features[f];
    Napi::Object feature = Napi::Object::New(env);
    feature.Set("name", source.name);
    feature.Set("cardinality", static_cast<double>(source.cardinality));
    feature.Set("dim", static_cast<double>(source.dim));
    feature.Set("width", static_cast<double>(source.output_width()));
    Napi::Array indices = Napi::Array::New(env, source.tables.size());
    for (std::size_t h = 0; h < source.tables.size(); ++h) {
      indices.Set(static_cast<std::uint32_t>(h), static_cast<double>(source.tables[h]));
    }
    feature.Set("tables", indices);
    feature.Set("hashes", static_cast<double>(source.hashes.size()));
    features.Set(static_cast<std::uint32_t>(f), feature);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("tables", list);
  result.Set("features", features);
  result.Set("folds", static_cast<double>(layout.folds));
  return result;
}

}  // namespace collide::addon
