// The class EmbeddingTables of lib/native.ts: checks array types and lengths, calls the engine. With a CUDA device
// lookups run there, on a copy of the tables that is brought up to date at the first lookup after a change; training
// stays on the CPU.
#include <algorithm>
#include <memory>
#include <optional>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/cuda.h"
#include "addon/embedding_config.h"
#include "cpu/embedding.h"
#include "cpu/round_tables.h"

namespace collide::addon {

namespace {

class EmbeddingTables : public Napi::ObjectWrap<EmbeddingTables> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "EmbeddingTables",
        {InstanceMethod<&EmbeddingTables::layout>("layout"), InstanceMethod<&EmbeddingTables::forward>("forward"),
         InstanceMethod<&EmbeddingTables::backward>("backward"),
         InstanceMethod<&EmbeddingTables::set_learning_rate>("setLearningRate"),
         InstanceMethod<&EmbeddingTables::steps>("steps"), InstanceMethod<&EmbeddingTables::set_steps>("setSteps"),
         InstanceMethod<&EmbeddingTables::read_weights>("readWeights"),
         InstanceMethod<&EmbeddingTables::write_weights>("writeWeights"),
         InstanceMethod<&EmbeddingTables::read_rows>("readRows"),
         InstanceMethod<&EmbeddingTables::write_rows>("writeRows"),
         InstanceMethod<&EmbeddingTables::read_state>("readState"),
         InstanceMethod<&EmbeddingTables::write_state>("writeState"),
         InstanceMethod<&EmbeddingTables::read_counts>("readCounts"),
         InstanceMethod<&EmbeddingTables::write_counts>("writeCounts"),
         InstanceMethod<&EmbeddingTables::bad_indices>("badIndices"),
         InstanceMethod<&EmbeddingTables::memory>("memory"), InstanceMethod<&EmbeddingTables::close>("close")});
  }

  // (config), or (source tables, precision) for a rounded copy.
  explicit EmbeddingTables(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EmbeddingTables>(info) {
    guarded(info.Env(), [&] {
      if (info.Length() == 2) {
        CpuEmbedding& source = Unwrap(info[0].As<Napi::Object>())->engine();
        engine_.emplace(round_tables(source, read_precision(info[1].As<Napi::String>().Utf8Value())));
      } else {
        EmbeddingConfig config = read_embedding_config(info[0].As<Napi::Object>());
        engine_.emplace(EmbeddingLayout(std::move(config.features)), config.optimizer, config.bad_index, config.seed,
                        config.threads, config.count_accesses);
        if (config.cuda) device_ = make_cuda_lookup(engine_->layout(), config.bad_index);
      }
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

  Napi::Value layout(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value { return write_layout(info.Env(), engine()); });
  }

  // (indices, offsets, batch sizes or undefined, weights or undefined) of forward.
  BagBatch read_batch(const Napi::CallbackInfo& info) {
    BagBatch batch;
    const Integers indices = integers(info[0], "the indices"), offsets = integers(info[1], "the offsets");
    batch.index_type = indices.type;
    batch.indices = indices.data;
    batch.index_count = indices.length;
    batch.offset_type = offsets.type;
    batch.offsets = offsets.data;
    const std::size_t features = engine().layout().features.size();
    if (!info[2].IsUndefined()) {
      const auto sizes = view<std::uint32_t>(info[2], "the batch sizes");
      std::size_t bags = 0;
      for (std::size_t f = 0; f < sizes.length; ++f) bags += sizes.data[f];
      if (sizes.length != features || offsets.length != bags + 1) {
        fail("INVALID_OFFSETS", "Expected ", bags + 1, " offsets (the sum of the ", features,
             " batch sizes, and one), received ", offsets.length);
      }
      batch.batch_sizes = sizes.data;
    } else {
      if (offsets.length == 0 || (offsets.length - 1) % features != 0) {
        fail("INVALID_OFFSETS", "Expected features * batch + 1 offsets for ", features, " features, received ",
             offsets.length);
      }
      batch.batch = (offsets.length - 1) / features;
    }
    if (!info[3].IsUndefined()) {
      const auto weights = view<float>(info[3], "the per-sample weights");
      if (weights.length != batch.index_count) {
        fail("INVALID_ARGUMENT", "Expected one weight per index (", batch.index_count, "), received ", weights.length);
      }
      batch.weights = weights.data;
    }
    return batch;
  }

  Napi::Value forward(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      CpuEmbedding& tables = engine();
      tables.forget_forward();  // a batch that is refused leaves nothing to go back through
      const BagBatch batch = read_batch(info);
      const auto out = view<float>(info[4], "the output");
      const std::size_t wanted = output_size(tables.layout(), feature_bags(tables.layout(), batch));
      if (out.length != wanted) {
        fail("INVALID_ARGUMENT", "Expected an output of ", wanted, " floats for ",
             batch.batch_sizes != nullptr ? std::string("these batch sizes")
                                          : "batch " + std::to_string(batch.batch) + " x " +
                                                std::to_string(tables.layout().output_width) + " columns",
             ", received ", out.length);
      }
      const bool train = info[5].As<Napi::Boolean>().Value();
      std::uint64_t replaced = 0;
      if (train || !device_) {
        replaced = tables.forward(batch, out.data, train);
      } else {
        if (batch.batch_sizes != nullptr) {
          fail("NOT_SUPPORTED", "Expected a batch without batchSizes for a lookup on CUDA. Device \"cpu\" takes them");
        }
        update_device();
        replaced = device_->bad_indices();
        device_->lookup(batch, out.data);
        replaced = device_->bad_indices() - replaced;
      }
      return Napi::Number::New(info.Env(), static_cast<double>(replaced));
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
      if (const std::size_t wanted = tables.kept_output(); gradient.length != wanted) {
        fail("INVALID_ARGUMENT", "Expected an output gradient of ", wanted,
             " floats, as many as the last forward wrote, received ", gradient.length);
      }
      float* weight_gradient = nullptr;
      if (!info[1].IsUndefined()) {
        const auto given = view<float>(info[1], "the weight gradient");
        if (const std::size_t wanted = tables.kept_indices(); given.length != wanted) {
          fail("INVALID_ARGUMENT", "Expected a weight gradient of ", wanted,
               " floats, one per index of the last forward, received ", given.length);
        }
        weight_gradient = given.data;
      }
      stale_ = true;
      tables.backward(gradient.data, weight_gradient);
    });
  }

  void set_learning_rate(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { engine().optimizer().learning_rate = info[0].As<Napi::Number>().FloatValue(); });
  }

  Napi::Value steps(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      return Napi::Number::New(info.Env(), static_cast<double>(engine().steps()));
    });
  }
  void set_steps(const Napi::CallbackInfo& info) {
    guarded(info.Env(),
            [&] { engine().set_steps(static_cast<std::uint64_t>(info[0].As<Napi::Number>().Int64Value())); });
  }

  InternalTable& table(const Napi::CallbackInfo& info) {
    CpuEmbedding& tables = engine();
    return tables.table(info[0].As<Napi::Number>().Uint32Value());
  }

  Napi::Value read_weights(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const InternalTable& from = table(info);
      return filled<float>(info.Env(), "Float32Array", from.rows * from.width,
                           [&](float* out) { engine().read_rows(from, out); });
    });
  }
  void write_weights(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      InternalTable& to = table(info);
      engine().write_rows(to, view_of<float>(info[1], to.rows * to.width, "the weights of a table").data);
      stale_ = true;
    });
  }

  // Rows as they are stored, in the array type that lib/ keeps them in.
  Napi::Value read_rows(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const InternalTable& from = table(info);
      const std::size_t bytes = from.weights.bytes();
      switch (from.precision) {
        case Precision::kFloat32:
          return copied(info.Env(), "Float32Array", from.weights.as<float>(), bytes / 4);
        case Precision::kFloat16:
        case Precision::kBfloat16:
          return copied(info.Env(), "Uint16Array", from.weights.as<std::uint16_t>(), bytes / 2);
        default:
          return copied(info.Env(), "Uint8Array", from.weights.as<std::uint8_t>(), bytes);
      }
    });
  }
  void write_rows(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      InternalTable& to = table(info);
      const auto array = info[1].As<Napi::TypedArray>();
      if (!info[1].IsTypedArray() || array.ByteLength() != to.weights.bytes()) {
        fail("INVALID_ARGUMENT", "Expected ", to.weights.bytes(), " bytes for the rows of a table");
      }
      const auto* bytes = static_cast<const std::uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
      std::copy_n(bytes, to.weights.bytes(), to.weights.as<std::uint8_t>());
      stale_ = true;
    });
  }

  Napi::Value read_state(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Memory& state = table(info).state;
      return copied(info.Env(), "Float32Array", state.as<float>(), state.bytes() / sizeof(float));
    });
  }
  void write_state(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      Memory& state = table(info).state;
      const std::size_t count = state.bytes() / sizeof(float);
      std::copy_n(view_of<float>(info[1], count, "the optimizer state of a table").data, count, state.as<float>());
    });
  }

  Napi::Value read_counts(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const std::size_t feature = info[0].As<Napi::Number>().Uint32Value();
      return copied(info.Env(), "Uint32Array", engine().counts(feature),
                    engine().layout().features[feature].cardinality);
    });
  }
  void write_counts(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const std::size_t feature = info[0].As<Napi::Number>().Uint32Value();
      const std::size_t count = engine().layout().features[feature].cardinality;
      std::copy_n(view_of<std::uint32_t>(info[1], count, "the counts of a feature").data, count,
                  engine().counts(feature));
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

// The address of a buffer's first byte modulo 64, so that lib/ can place outputs on cache lines.
Napi::Value address_modulo_64(const Napi::CallbackInfo& info) {
  const auto address = reinterpret_cast<std::uintptr_t>(info[0].As<Napi::ArrayBuffer>().Data());
  return Napi::Number::New(info.Env(), static_cast<double>(address % 64));
}

}  // namespace

void register_embedding(Napi::Env env, Napi::Object exports) {
  exports.Set("EmbeddingTables", EmbeddingTables::define(env));
  exports.Set("addressModulo64", Napi::Function::New(env, address_modulo_64));
}

}  // namespace collide::addon
