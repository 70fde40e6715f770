#include "addon/embedding_config.h"

#include "addon/addon.h"
#include "addon/hash.h"

namespace collide::addon {

namespace {

constexpr const char* kPoolings[] = {"sum", "mean", "none"};
constexpr const char* kCombines[] = {"sum", "concat", "multiply"};
constexpr const char* kOptimizers[] = {"sgd", "adagrad", "rowwise-adagrad", "adam", "rowwise-adam"};
constexpr const char* kPolicies[] = {"error", "zero", "clamp", "hash"};

// The enumerator whose name stands at its place in `names`.
template <typename Enum, std::size_t kCount>
Enum named(const std::string& name, const char* const (&names)[kCount], const char* what) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  fail("INVALID_ARGUMENT", "Expected a known ", what, ", received \"", name, "\"");
}

Feature read_feature(const Napi::Object& object) {
  Feature feature;
  feature.name = text(object, "name");
  feature.cardinality = static_cast<std::uint64_t>(number(object, "cardinality"));
  feature.dim = static_cast<std::uint32_t>(integer(object, "dim"));
  feature.pooling = named<Pooling>(text(object, "pooling"), kPoolings, "pooling");
  feature.sequence_length = static_cast<std::uint32_t>(integer(object, "sequenceLength"));
  feature.combine = named<Combine>(text(object, "combine"), kCombines, "combiner");
  feature.precision = read_precision(text(object, "precision"));
  feature.init_scale = static_cast<float>(number(object, "initScale"));
  const auto tables = object.Get("tables").As<Napi::Array>();
  for (std::uint32_t i = 0; i < tables.Length(); ++i) {
    feature.table_names.push_back(tables.Get(i).As<Napi::String>().Utf8Value());
  }
  const auto hashes = object.Get("hashes").As<Napi::Array>();
  for (std::uint32_t i = 0; i < hashes.Length(); ++i) {
    const std::string where = "hash function " + std::to_string(i) + " of feature \"" + feature.name + "\"";
    feature.hashes.push_back(read_hash(hashes.Get(i).As<Napi::Object>(), feature.cardinality, where));
  }
  return feature;
}

OptimizerSettings read_optimizer(const Napi::Object& object) {
  OptimizerSettings optimizer;
  optimizer.kind = named<OptimizerKind>(text(object, "kind"), kOptimizers, "optimizer");
  optimizer.learning_rate = static_cast<float>(number(object, "learningRate"));
  optimizer.epsilon = static_cast<float>(number(object, "epsilon"));
  optimizer.beta1 = static_cast<float>(number(object, "beta1"));
  optimizer.beta2 = static_cast<float>(number(object, "beta2"));
  optimizer.weight_decay = static_cast<float>(number(object, "weightDecay"));
  optimizer.max_row_norm = static_cast<float>(number(object, "maxRowNorm"));
  return optimizer;
}

}  // namespace

Precision read_precision(const std::string& name) {
  return named<Precision>(name, kPrecisionNames, "precision");
}

EmbeddingConfig read_embedding_config(const Napi::Object& object) {
  EmbeddingConfig config;
  const auto features = object.Get("features").As<Napi::Array>();
  for (std::uint32_t i = 0; i < features.Length(); ++i) {
    config.features.push_back(read_feature(features.Get(i).As<Napi::Object>()));
  }
  config.optimizer = read_optimizer(object.Get("optimizer").As<Napi::Object>());
  config.bad_index = named<BadIndex>(text(object, "badIndex"), kPolicies, "policy for bad indices");
  config.count_accesses = boolean(object, "countAccesses");
  config.cuda = text(object, "device") == "cuda";
  bool lossless = true;
  config.seed = object.Get("seed").As<Napi::BigInt>().Uint64Value(&lossless);
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
    table.Set("precision", kPrecisionNames[static_cast<std::size_t>(shape.precision)]);
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
    features.Set(static_cast<std::uint32_t>(f), feature);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("tables", list);
  result.Set("features", features);
  return result;
}

}  // namespace collide::addon
