// The class ModelSteps of lib/native.ts: training steps and predictions of tables and a net on the same CUDA device.
#include "core/model/steps.h"

#include <memory>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/cuda.h"

namespace collide::addon {

namespace {

class ModelStepsWrap : public Napi::ObjectWrap<ModelStepsWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "ModelSteps",
        {InstanceMethod<&ModelStepsWrap::start>("start"), InstanceMethod<&ModelStepsWrap::finish>("finish"),
         InstanceMethod<&ModelStepsWrap::predict>("predict"), InstanceMethod<&ModelStepsWrap::close>("close")});
  }

  // (tables, net), which it keeps from the garbage collector.
  explicit ModelStepsWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ModelStepsWrap>(info) {
    guarded(info.Env(), [&] {
      const auto tables = info[0].As<Napi::Object>(), net = info[1].As<Napi::Object>();
      steps_ = make_cuda_model_steps(engine_of(tables), engine_of_net(net));
      tables_ = Napi::Persistent(tables);
      net_ = Napi::Persistent(net);
    });
  }

 private:
  // Throws Error CLOSED when a part was closed.
  ModelSteps& steps() {
    if (!steps_) fail("CLOSED", "This model was closed");
    engine_of(tables_.Value()), engine_of_net(net_.Value());
    return *steps_;
  }

  // (indices, offsets), of `size` bags per feature.
  BagBatch bags(const Napi::CallbackInfo& info, std::size_t size) {
    const auto indices = view<std::uint32_t>(info[0], "the indices"), offsets = view<std::uint32_t>(info[1], "offsets");
    const std::size_t features = engine_of(tables_.Value()).layout().features.size();
    if (offsets.length != features * size + 1) {
      fail("INVALID_OFFSETS", "Expected ", features * size + 1, " offsets (", features, " features * batch ", size,
           " + 1), received ", offsets.length);
    }
    BagBatch batch;
    batch.indices = indices.data;
    batch.index_count = indices.length;
    batch.offsets = offsets.data;
    batch.batch = size;
    return batch;
  }

  void start(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      ModelSteps& model = steps();
      const auto labels = span_of<const float>(info[3], "labels");
      BagBatch batch = bags(info, labels.size);
      batch.fold = info[4].As<Napi::Number>().Uint32Value();
      model.start(batch, span_of<const float>(info[2], "dense"), labels);
    });
  }

  Napi::Value finish(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value { return Napi::Number::New(info.Env(), steps().finish()); });
  }

  void predict(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      ModelSteps& model = steps();
      const auto logits = span_of<float>(info[3], "logits");
      model.predict(bags(info, logits.size), span_of<const float>(info[2], "dense"), logits);
    });
  }

  void close(const Napi::CallbackInfo&) { steps_.reset(); }

  Napi::ObjectReference tables_, net_;
  std::unique_ptr<ModelSteps> steps_;
};

}  // namespace

void register_model_steps(Napi::Env env, Napi::Object exports) {
  exports.Set("ModelSteps", ModelStepsWrap::define(env));
}

}  // namespace collide::addon
