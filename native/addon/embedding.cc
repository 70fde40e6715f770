// The class EmbeddingTables of lib/native.ts: checks array types and lengths, calls the engine, on the CPU or on CUDA.
#include <memory>
#include <utility>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/cuda.h"
#include "addon/embedding_config.h"
#include "cpu/embedding/engine.h"
#include "cpu/embedding/round_tables.h"

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
         InstanceMethod<&EmbeddingTables::check_weights>("checkWeights"),
         InstanceMethod<&EmbeddingTables::write_weights>("writeWeights"),
         InstanceMethod<&EmbeddingTables::read_rows>("readRows"),
         InstanceMethod<&EmbeddingTables::write_rows>("writeRows"),
         InstanceMethod<&EmbeddingTables::read_state>("readState"),
         InstanceMethod<&EmbeddingTables::write_state>("writeState"),
         InstanceMethod<&EmbeddingTables::read_counts>("readCounts"),
         InstanceMethod<&EmbeddingTables::write_counts>("writeCounts"),
         InstanceMethod<&EmbeddingTables::bad_indices>("badIndices"),
         InstanceMethod<&EmbeddingTables::drop_training_hashes>("dropTrainingHashes"),
         InstanceMethod<&EmbeddingTables::memory>("memory"), InstanceMethod<&EmbeddingTables::close>("close")});
  }

  // (config), or (source tables, precision) for a rounded copy.
  explicit EmbeddingTables(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EmbeddingTables>(info) {
    guarded(info.Env(), [&] {
      if (info.Length() == 2) {
        EmbeddingTables& source = *Unwrap(info[0].As<Napi::Object>());
        threads_ = source.threads_;
        engine_ = round_tables(source.engine(), kPrecisions.value(info[1].As<Napi::String>().Utf8Value(), "precision"),
                               threads_);
      } else {
        EmbeddingConfig config = read_embedding_config(info[0].As<Napi::Object>());
        threads_ = config.threads;
        EmbeddingLayout layout(std::move(config.features));
        if (config.cuda) {
          engine_ = make_cuda_embedding(std::move(layout), config.optimizer, config.bad_index, config.seed,
                                        config.count_accesses);
        } else {
          engine_ = std::make_unique<CpuEmbedding>(std::move(layout), config.optimizer, config.bad_index, config.seed,
                                                   threads_, config.count_accesses);
        }
      }
      track_memory(info.Env());
    });
  }

  EmbeddingEngine& engine() {
    if (!engine_) fail("CLOSED", "These embedding tables were closed");
    check_idle();
    return *engine_;
  }

 private:
  // Of a call that may run a row source written in JavaScript.
  struct Busy {
    explicit Busy(bool& busy) : busy(busy) { busy = true; }
    ~Busy() { busy = false; }
    bool& busy;
  };
  void check_idle() const {
    if (busy_) fail("INVALID_ARGUMENT", "Expected no use of embedding tables by a row source of theirs while it works");
  }

  // Tells the garbage collector how much native memory hangs on this object, so that forgotten ones are collected.
  void track_memory(Napi::Env env) {
    std::int64_t bytes = 0;
    if (engine_) {
      const auto usage = engine_->usage();
      bytes = static_cast<std::int64_t>(usage.rows + usage.mapping + usage.training_mapping + usage.optimizer +
                                        usage.counts);
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
      EmbeddingEngine& tables = engine();
      tables.forget_forward();  // a batch that is refused leaves nothing to go back through
      BagBatch batch = read_batch(info);
      if (info[6].IsNumber()) batch.fold = info[6].As<Napi::Number>().Uint32Value();
      const auto out = view<float>(info[4], "the output");
      const std::size_t wanted = output_size(tables.layout(), feature_bags(tables.layout(), batch));
      if (out.length != wanted) {
        fail("INVALID_ARGUMENT", "Expected an output of ", wanted, " floats for ",
             batch.batch_sizes != nullptr ? std::string("these batch sizes")
                                          : "batch " + std::to_string(batch.batch) + " x " +
                                                std::to_string(tables.layout().output_width) + " columns",
             ", received ", out.length);
      }
      const Busy busy(busy_);
      const std::size_t replaced = tables.forward(batch, out.data, info[5].As<Napi::Boolean>().Value());
      return Napi::Number::New(info.Env(), static_cast<double>(replaced));
    });
  }

  void backward(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      EmbeddingEngine& tables = engine();
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
      const Busy busy(busy_);
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

  static std::size_t index(const Napi::CallbackInfo& info) { return info[0].As<Napi::Number>().Uint32Value(); }
  const TableShape& table(const Napi::CallbackInfo& info) { return engine().layout().tables[index(info)]; }

  // Some rows of a table or counts of a feature: (index, first, array), as many as the array has room for.
  struct Range {
    std::size_t index;
    std::uint64_t first;
    std::size_t count;
    std::uint8_t* data;
    template <typename T>
    T* as() const {
      return reinterpret_cast<T*>(data);
    }
  };
  // `all`: rows there are; `bytes`: of each in the array.
  static Range range(const Napi::CallbackInfo& info, std::uint64_t all, std::size_t bytes) {
    const auto array = info[2].As<Napi::TypedArray>();
    const auto first = static_cast<std::uint64_t>(info[1].As<Napi::Number>().Int64Value());
    const std::size_t given = array.ByteLength(), count = bytes == 0 ? 0 : given / bytes;
    if (given != count * bytes || first > all || count > all - first) {
      fail("INVALID_ARGUMENT", "Expected rows of ", bytes, " bytes from ", first, " to at most ", all, ", received ",
           given, " bytes");
    }
    return {index(info), first, count, static_cast<std::uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset()};
  }
  Range values(const Napi::CallbackInfo& info) {
    return range(info, table(info).rows, table(info).width * sizeof(float));
  }
  Range rows(const Napi::CallbackInfo& info) {
    return range(info, table(info).rows, row_bytes(table(info).precision, table(info).width));
  }
  Range state(const Napi::CallbackInfo& info) {
    return range(info, table(info).rows, engine().state_per_row(index(info)) * sizeof(float));
  }
  Range counts(const Napi::CallbackInfo& info) {
    return range(info, engine().layout().features[index(info)].cardinality, sizeof(std::uint32_t));
  }

  // Calls method(index, first, count, data) of the engine with a range.
  template <typename T, typename Method>
  void with(const Napi::CallbackInfo& info, Range (EmbeddingTables::*of)(const Napi::CallbackInfo&), Method method) {
    guarded(info.Env(), [&] {
      const Range range = (this->*of)(info);
      (engine().*method)(range.index, range.first, range.count, range.as<T>());
    });
  }
  using Tables = EmbeddingTables;
  using Engine = EmbeddingEngine;
  void read_weights(const Napi::CallbackInfo& info) { with<float>(info, &Tables::values, &Engine::read_values); }
  void check_weights(const Napi::CallbackInfo& info) { with<float>(info, &Tables::values, &Engine::check_values); }
  void write_weights(const Napi::CallbackInfo& info) { with<float>(info, &Tables::values, &Engine::write_values); }
  void read_rows(const Napi::CallbackInfo& info) { with<std::uint8_t>(info, &Tables::rows, &Engine::read_rows); }
  void write_rows(const Napi::CallbackInfo& info) { with<std::uint8_t>(info, &Tables::rows, &Engine::write_rows); }
  void read_state(const Napi::CallbackInfo& info) { with<float>(info, &Tables::state, &Engine::read_state); }
  void write_state(const Napi::CallbackInfo& info) { with<float>(info, &Tables::state, &Engine::write_state); }
  void read_counts(const Napi::CallbackInfo& info) { with<std::uint32_t>(info, &Tables::counts, &Engine::read_counts); }
  void write_counts(const Napi::CallbackInfo& info) {
    with<std::uint32_t>(info, &Tables::counts, &Engine::write_counts);
  }

  Napi::Value bad_indices(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      return Napi::Number::New(info.Env(), static_cast<double>(engine().bad_indices()));
    });
  }

  void drop_training_hashes(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { engine().drop_training_hashes(); });
    track_memory(info.Env());
  }

  Napi::Value memory(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const auto usage = engine().usage();
      Napi::Object result = Napi::Object::New(info.Env());
      result.Set("rows", static_cast<double>(usage.rows));
      result.Set("mapping", static_cast<double>(usage.mapping));
      result.Set("trainingMapping", static_cast<double>(usage.training_mapping));
      result.Set("optimizer", static_cast<double>(usage.optimizer));
      result.Set("counts", static_cast<double>(usage.counts));
      return result;
    });
  }

  void close(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { check_idle(); });
    engine_.reset();
    track_memory(info.Env());
  }

  void Finalize(Napi::Env env) override {
    engine_.reset();
    track_memory(env);
  }

  std::unique_ptr<EmbeddingEngine> engine_;
  unsigned threads_ = 0;
  std::int64_t tracked_ = 0;
  bool busy_ = false;
};

// The address of a buffer's first byte modulo 64, so that lib/ can place outputs on cache lines.
Napi::Value address_modulo_64(const Napi::CallbackInfo& info) {
  const auto address = reinterpret_cast<std::uintptr_t>(info[0].As<Napi::ArrayBuffer>().Data());
  return Napi::Number::New(info.Env(), static_cast<double>(address % 64));
}

}  // namespace

EmbeddingEngine& engine_of(const Napi::Object& tables) {
  return EmbeddingTables::Unwrap(tables)->engine();
}

void register_embedding(Napi::Env env, Napi::Object exports) {
  exports.Set("EmbeddingTables", EmbeddingTables::define(env));
  exports.Set("addressModulo64", Napi::Function::New(env, address_modulo_64));
  exports.Set("availableMemory", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::Number::New(info.Env(), static_cast<double>(available_memory()));
              }));
}

}  // namespace collide::addon
