// The class EmbeddingTables of lib/native.ts: reads plain objects, checks array lengths, calls the engine. With a CUDA
// device lookups run there, on a copy of the tables that is brought up to date at the first lookup after a change;
// training stays on the CPU.
#include <memory>
#include <optional>

#include "addon/addon.h"
#include "addon/cuda.h"
#include "cpu/embedding.h"

namespace collide::addon {

namespace {

HashFunction read_hash(const Napi::Object& object, std::uint64_t cardinality, const std::string& where) {
  const std::string kind = text(object, "kind");
  const auto rows = static_cast<std::uint64_t>(number(object, "rows"));
  const auto seed = [&] {
    bool lossless = true;
    return object.Get("seed").As<Napi::BigInt>().Uint64Value(&lossless);
  };
  if (kind == "table") {
    const auto entries = view<std::uint8_t>(object.Get("entries"), "the entries of a mapping");
    return make_table_hash(rows, static_cast<unsigned>(integer(object, "bytesPerEntry")), entries.data, entries.length,
                           cardinality, where);
  }
  if (kind == "hot") {
    const auto bitmap = view<std::uint32_t>(object.Get("bitmap"), "the bitmap of hot ids");
    const bool mixed = text(object, "tail") == "mixed";
    return make_hot_hash(rows, bitmap.data, bitmap.length, mixed, mixed ? seed() : 0, cardinality, where);
  }
  HashFunction hash;
  hash.rows = rows;
  if (kind == "identity") {
    hash.kind = HashKind::kIdentity;
  } else if (kind == "modulo") {
    hash.kind = HashKind::kModulo;
  } else if (kind == "mixed") {
    hash.kind = HashKind::kMixed;
    hash.seed = mix64(seed());
  } else if (kind == "quotient") {
    hash.kind = HashKind::kQuotient;
    hash.divisor = static_cast<std::uint64_t>(number(object, "divisor"));
  } else {
    fail("INVALID_ARGUMENT", "Expected a known kind of hash function for ", where, ", received \"", kind, "\"");
  }
  return hash;
}

Feature read_feature(const Napi::Object& object) {
  Feature feature;
  feature.name = text(object, "name");
  feature.cardinality = static_cast<std::uint64_t>(number(object, "cardinality"));
  feature.dim = static_cast<std::uint32_t>(integer(object, "dim"));
  const std::string pooling = text(object, "pooling");
  feature.pooling = pooling == "sum" ? Pooling::kSum : pooling == "mean" ? Pooling::kMean : Pooling::kNone;
  feature.sequence_length = static_cast<std::uint32_t>(integer(object, "sequenceLength"));
  feature.combine = text(object, "combine") == "concat" ? Combine::kConcat : Combine::kSum;
  feature.init_scale = static_cast<float>(number(object, "initScale"));
  auto hashes = object.Get("hashes").As<Napi::Array>();
  for (std::uint32_t i = 0; i < hashes.Length(); ++i) {
    const std::string where = "hash function " + std::to_string(i) + " of feature \"" + feature.name + "\"";
    feature.hashes.push_back(read_hash(hashes.Get(i).As<Napi::Object>(), feature.cardinality, where));
  }
  return feature;
}

class EmbeddingTables : public Napi::ObjectWrap<EmbeddingTables> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "EmbeddingTables",
        {InstanceMethod<&EmbeddingTables::forward>("forward"), InstanceMethod<&EmbeddingTables::backward>("backward"),
         InstanceMethod<&EmbeddingTables::set_learning_rate>("setLearningRate"),
         InstanceMethod<&EmbeddingTables::read_weights>("readWeights"),
         InstanceMethod<&EmbeddingTables::write_weights>("writeWeights"),
         InstanceMethod<&EmbeddingTables::read_state>("readState"),
         InstanceMethod<&EmbeddingTables::write_state>("writeState"),
         InstanceMethod<&EmbeddingTables::read_counts>("readCounts"),
         InstanceMethod<&EmbeddingTables::bad_indices>("badIndices"),
         InstanceMethod<&EmbeddingTables::memory>("memory"), InstanceMethod<&EmbeddingTables::close>("close")});
  }

  explicit EmbeddingTables(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EmbeddingTables>(info) {
    guarded(info.Env(), [&] {
      const auto config = info[0].As<Napi::Object>();
      std::vector<Feature> features;
      auto list = config.Get("features").As<Napi::Array>();
      for (std::uint32_t i = 0; i < list.Length(); ++i)
        features.push_back(read_feature(list.Get(i).As<Napi::Object>()));

      const auto settings = config.Get("optimizer").As<Napi::Object>();
      const std::string kind = text(settings, "kind");
      OptimizerSettings optimizer;
      optimizer.kind = kind == "sgd"       ? OptimizerKind::kSgd
                       : kind == "adagrad" ? OptimizerKind::kAdagrad
                                           : OptimizerKind::kRowwiseAdagrad;
      optimizer.learning_rate = static_cast<float>(number(settings, "learningRate"));
      optimizer.epsilon = static_cast<float>(number(settings, "epsilon"));

      const std::string bad = text(config, "badIndex");
      const BadIndex policy = bad == "clamp" ? BadIndex::kClamp : bad == "hash" ? BadIndex::kHash : BadIndex::kError;
      bool lossless = true;
      const std::uint64_t seed = config.Get("seed").As<Napi::BigInt>().Uint64Value(&lossless);
      engine_.emplace(EmbeddingLayout(std::move(features)), optimizer, policy, seed,
                      static_cast<unsigned>(integer(config, "threads")));
      if (text(config, "device") == "cuda") device_ = make_cuda_lookup(engine_->layout(), policy);
      track_memory(info.Env());
    });
  }

 private:
  CpuEmbedding& engine() {
    if (!engine_) fail("CLOSED", "These embedding tables were closed");
    return *engine_;
  }

  // Tells the garbage collector how much native memory hangs on this object, so that forgotten ones are collected.
  void track_memory(Napi::Env env) {
    std::int64_t bytes = 0;
    if (engine_) {
      const auto usage = engine_->usage();
      bytes = static_cast<std::int64_t>(usage.rows + usage.mapping + usage.optimizer + usage.counts);
    }
    Napi::MemoryManagement::AdjustExternalMemory(env, bytes - tracked_);
    tracked_ = bytes;
  }

  void forward(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      CpuEmbedding& tables = engine();
      tables.forget_forward();  // a batch that is refused leaves nothing to go back through
      BagBatch batch;
      if (!info[0].IsTypedArray()) fail("INVALID_ARGUMENT", "Expected a typed array for the indices");
      switch (info[0].As<Napi::TypedArray>().TypedArrayType()) {
        case napi_uint32_array:
          batch.index_type = BagBatch::IndexType::kU32;
          batch.indices = info[0].As<Napi::Uint32Array>().Data();
          break;
        case napi_int32_array:
          batch.index_type = BagBatch::IndexType::kI32;
          batch.indices = info[0].As<Napi::Int32Array>().Data();
          break;
        case napi_bigint64_array:
          batch.index_type = BagBatch::IndexType::kI64;
          batch.indices = info[0].As<Napi::BigInt64Array>().Data();
          break;
        default:
          fail("INVALID_ARGUMENT", "Expected a Uint32Array, Int32Array or BigInt64Array for the indices");
      }
      batch.index_count = info[0].As<Napi::TypedArray>().ElementLength();
      const auto offsets = view<std::uint32_t>(info[1], "the offsets");
      const std::size_t features = tables.layout().features.size();
      if (offsets.length == 0 || (offsets.length - 1) % features != 0) {
        fail("INVALID_OFFSETS", "Expected features * batch + 1 offsets for ", features, " features, received ",
             offsets.length);
      }
      batch.offsets = offsets.data;
      batch.batch = (offsets.length - 1) / features;
      if (!info[2].IsUndefined()) {
        const auto weights = view<float>(info[2], "the per-sample weights");
        if (weights.length != batch.index_count) {
          fail("INVALID_ARGUMENT", "Expected one weight per index (", batch.index_count, "), received ",
               weights.length);
        }
        batch.weights = weights.data;
      }
      const auto out = view<float>(info[3], "the output");
      const std::size_t wanted = batch.batch * tables.layout().output_width;
      if (out.length != wanted) {
        fail("INVALID_ARGUMENT", "Expected an output of ", wanted, " floats (batch ", batch.batch, " x ",
             tables.layout().output_width, " columns), received ", out.length);
      }
      const bool train = info[4].As<Napi::Boolean>().Value();
      if (train || !device_) return tables.forward(batch, out.data, train);
      update_device();
      device_->lookup(batch, out.data);
    });
  }

  // Brings the device's copy of the tables up to date.
  void update_device() {
    if (!stale_) return;
    const auto& features = engine().layout().features;
    for (std::size_t f = 0; f < features.size(); ++f) {
      for (std::size_t h = 0; h < features[f].hashes.size(); ++h) {
        device_->upload(f, h, engine().table(f, h).weights.as<float>());
      }
    }
    stale_ = false;
  }

  void backward(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      CpuEmbedding& tables = engine();
      const auto gradient = view<float>(info[0], "the output gradient");
      const std::size_t batch = tables.kept_batch(), wanted = batch * tables.layout().output_width;
      if (gradient.length != wanted) {
        fail("INVALID_ARGUMENT", "Expected an output gradient of ", wanted, " floats (batch ", batch, " x ",
             tables.layout().output_width, " columns), received ", gradient.length);
      }
      stale_ = true;
      tables.backward(gradient.data);
    });
  }

  void set_learning_rate(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { engine().optimizer().learning_rate = info[0].As<Napi::Number>().FloatValue(); });
  }

  InternalTable& table(const Napi::CallbackInfo& info) {
    return engine().table(info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Number>().Uint32Value());
  }

  // A new typed array of JavaScript's own making: one that it cannot allocate is an exception there, where
  // napi_create_arraybuffer would end the process; so would touching more memory than there is.
  template <typename T>
  static Napi::Value copied(Napi::Env env, const char* constructor, const T* values, std::size_t count) {
    const auto refuse = [&] {
      fail("OUT_OF_MEMORY", "Could not allocate a ", constructor, " of ", count, " values (", count * sizeof(T),
           " bytes)");
    };
    if (count * sizeof(T) > available_memory()) refuse();
    Napi::Value array;
    try {
      array = env.Global().Get(constructor).As<Napi::Function>().New({Napi::Number::New(env, count)});
    } catch (const Napi::Error&) {
      refuse();
    }
    std::copy_n(values, count, array.As<Napi::TypedArrayOf<T>>().Data());
    return array;
  }
  static Napi::Value copy_out(Napi::Env env, const Memory& memory) {
    return copied(env, "Float32Array", memory.as<float>(), memory.bytes() / sizeof(float));
  }
  static void copy_in(const Napi::Value& value, Memory& memory, const char* what) {
    const auto source = view<float>(value, what);
    const std::size_t count = memory.bytes() / sizeof(float);
    if (source.length != count) {
      fail("INVALID_ARGUMENT", "Expected ", count, " floats for ", what, ", received ", source.length);
    }
    std::copy_n(source.data, count, memory.as<float>());
  }

  Napi::Value read_weights(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return copy_out(info.Env(), table(info).weights); });
  }
  void write_weights(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      copy_in(info[2], table(info).weights, "the weights of a table");
      stale_ = true;
    });
  }
  Napi::Value read_state(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return copy_out(info.Env(), table(info).state); });
  }
  void write_state(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { copy_in(info[2], table(info).state, "the optimizer state of a table"); });
  }

  Napi::Value read_counts(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const std::size_t feature = info[0].As<Napi::Number>().Uint32Value();
      return copied(info.Env(), "Uint32Array", engine().counts(feature),
                    engine().layout().features[feature].cardinality);
    });
  }

  Napi::Value bad_indices(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const std::uint64_t bad = engine().bad_indices() + (device_ ? device_->bad_indices() : 0);
      return Napi::Number::New(info.Env(), static_cast<double>(bad));
    });
  }

  Napi::Value memory(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const auto usage = engine().usage();
      Napi::Object result = Napi::Object::New(info.Env());
      result.Set("rows", static_cast<double>(usage.rows));
      result.Set("mapping", static_cast<double>(usage.mapping));
      result.Set("optimizer", static_cast<double>(usage.optimizer));
      result.Set("counts", static_cast<double>(usage.counts));
      return result;
    });
  }

  void close(const Napi::CallbackInfo& info) {
    release();
    track_memory(info.Env());
  }

  void Finalize(Napi::Env env) override {
    release();
    track_memory(env);
  }

  void release() {
    device_.reset();
    engine_.reset();
  }

  std::optional<CpuEmbedding> engine_;
  std::unique_ptr<LookupBackend> device_;  // refers to the engine's layout
  bool stale_ = true;                      // the device's copy is not what the engine has
  std::int64_t tracked_ = 0;
};

}  // namespace

void register_embedding(Napi::Env env, Napi::Object exports) {
  exports.Set("EmbeddingTables", EmbeddingTables::define(env));
}

}  // namespace collide::addon
