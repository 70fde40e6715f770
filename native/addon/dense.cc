// The class DenseNet of lib/native.ts.
#include "cpu/dense/net.h"

#include <algorithm>
#include <memory>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "addon/cuda.h"
#include "addon/names.h"
#include "addon/optimizer.h"

namespace collide::addon {

namespace {

// A size from JavaScript: whole and not negative, so that the conversion is exact.
std::size_t size(const Napi::Value& value, const char* where) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= 9007199254740991.0) ||
      number != static_cast<double>(static_cast<std::size_t>(number))) {
    fail("INVALID_ARGUMENT", "Expected a whole number for ", where);
  }
  return static_cast<std::size_t>(number);
}

std::string word(const Napi::Value& value, const std::string& where) {
  if (!value.IsString()) fail("INVALID_ARGUMENT", "Expected a text for ", where);
  return value.As<Napi::String>();
}

// { op, name, from: a name or several, ... numbers }; core/dense/head.h checks what they say.
HeadOp head_op(const Napi::Value& value, const std::string& where) {
  if (!value.IsObject()) fail("INVALID_ARGUMENT", "Expected an object for ", where);
  const auto object = value.As<Napi::Object>();
  const Napi::Array keys = object.GetPropertyNames();
  HeadOp op{word(object.Get("op"), "op of " + where), word(object.Get("name"), "name of " + where), {}, {}};
  for (std::uint32_t k = 0; k < keys.Length(); ++k) {
    const std::string key = keys.Get(k).ToString();
    const Napi::Value member = object.Get(key);
    const std::string what = key + " of " + where;
    if (key == "op" || key == "name") continue;
    if (key != "from") {
      op.numbers[key] = size(member, what.c_str());
    } else if (!member.IsArray()) {
      op.from = {word(member, what)};
    } else {
      const auto names = member.As<Napi::Array>();
      for (std::uint32_t i = 0; i < names.Length(); ++i) op.from.push_back(word(names.Get(i), what));
    }
  }
  return op;
}

std::vector<HeadOp> head_ops(const Napi::Value& value) {
  if (!value.IsArray()) fail("INVALID_ARGUMENT", "Expected an array of ops for head");
  const auto array = value.As<Napi::Array>();
  std::vector<HeadOp> ops;
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    ops.push_back(head_op(array.Get(i), "head[" + std::to_string(i) + "]"));
  }
  return ops;
}

DenseOptimizerConfig optimizer(const Napi::Object& object) {
  using Kind = decltype(DenseOptimizerConfig::kind);
  return {read_optimizer<Kind>(object, "a dense optimizer"), number(object, "learningRate")};
}

class DenseNetWrap : public Napi::ObjectWrap<DenseNetWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "DenseNet",
                       {
                           InstanceMethod("step", &DenseNetWrap::step),
                           InstanceMethod("predict", &DenseNetWrap::predict),
                           InstanceMethod("setLearningRate", &DenseNetWrap::set_learning_rate),
                           InstanceMethod("readParameters", &DenseNetWrap::read_parameters),
                           InstanceMethod("writeParameters", &DenseNetWrap::write_parameters),
                           InstanceMethod("readState", &DenseNetWrap::read_state),
                           InstanceMethod("writeState", &DenseNetWrap::write_state),
                           InstanceMethod("readIdle", &DenseNetWrap::read_idle),
                           InstanceMethod("tensors", &DenseNetWrap::tensors),
                           InstanceMethod("outputBias", &DenseNetWrap::output_bias),
                           InstanceMethod("stateCount", &DenseNetWrap::state_count),
                           InstanceMethod("close", &DenseNetWrap::close),
                       });
  }

  explicit DenseNetWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DenseNetWrap>(info) {
    guarded(info.Env(), [&] {
      if (!info[0].IsObject()) fail("INVALID_ARGUMENT", "Expected a configuration object for DenseNet");
      const auto object = info[0].As<Napi::Object>();
      DenseNetConfig config;
      config.dense = size(object.Get("dense"), "dense");
      config.vectors = size(object.Get("vectors"), "vectors");
      config.dim = size(object.Get("dim"), "dim");
      config.head = head_ops(object.Get("head"));
      if (!object.Get("optimizer").IsObject()) fail("INVALID_ARGUMENT", "Expected an object for optimizer");
      config.optimizer = optimizer(object.Get("optimizer").As<Napi::Object>());
      config.seed = seed(object, "seed");
      config.threads = static_cast<unsigned>(std::min<std::size_t>(size(object.Get("threads"), "threads"), 65536));
      if (on_cuda(object)) {
        net_ = make_cuda_dense_net(config);
      } else {
        net_ = std::make_unique<CpuDenseNet>(config);
      }
    });
  }

  DenseNet& net() const {
    if (!net_) fail("CLOSED", "This DenseNet was closed");
    return *net_;
  }

 private:
  // A new array of `count` floats that `read` writes.
  template <typename Read>
  static Napi::Value array(Napi::Env env, std::size_t count, const Read& read) {
    Napi::Float32Array result = Napi::Float32Array::New(env, count);
    if (count > 0) read(result.Data());
    return result;
  }

  Napi::Value step(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const double loss =
          net().step(span_of<const float>(info[0], "dense"), span_of<const float>(info[1], "embeddings"),
                     span_of<const float>(info[2], "labels"), span_of<float>(info[3], "gradient"));
      return Napi::Number::New(info.Env(), loss);
    });
  }

  void predict(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      net().predict(span_of<const float>(info[0], "dense"), span_of<const float>(info[1], "embeddings"),
                    span_of<float>(info[2], "logits"));
    });
  }

  void set_learning_rate(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      if (!info[0].IsNumber()) fail("INVALID_ARGUMENT", "Expected a number for the learning rate");
      net().set_learning_rate(info[0].As<Napi::Number>().DoubleValue());
    });
  }

  Napi::Value read_parameters(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const DenseNet& from = net();
      return array(info.Env(), from.parameter_count(), [&](float* to) { from.read_parameters(to); });
    });
  }
  void write_parameters(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { net().write_parameters(span_of<const float>(info[0], "parameters")); });
  }
  Napi::Value read_state(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const DenseNet& from = net();
      return array(info.Env(), from.state_count(), [&](float* to) { from.read_state(to); });
    });
  }
  void write_state(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { net().write_state(span_of<const float>(info[0], "state")); });
  }
  Napi::Value read_idle(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const DenseNet& from = net();
      return array(info.Env(), from.tensor_count(), [&](float* to) { from.read_idle(to); });
    });
  }
  Napi::Value tensors(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const auto tensors = net().head().tensors();
      Napi::Array result = Napi::Array::New(info.Env(), tensors.size());
      for (std::uint32_t t = 0; t < tensors.size(); ++t) {
        Napi::Object tensor = Napi::Object::New(info.Env());
        Napi::Array shape = Napi::Array::New(info.Env(), tensors[t].shape.size());
        for (std::uint32_t d = 0; d < tensors[t].shape.size(); ++d) {
          shape.Set(d, static_cast<double>(tensors[t].shape[d]));
        }
        tensor.Set("name", tensors[t].name);
        tensor.Set("shape", shape);
        tensor.Set("start", static_cast<double>(tensors[t].start));
        tensor.Set("length", static_cast<double>(tensors[t].size()));
        result.Set(t, tensor);
      }
      return result;
    });
  }
  Napi::Value output_bias(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const auto bias = net().head().output_bias();
      return bias ? Napi::Number::New(info.Env(), static_cast<double>(*bias)) : info.Env().Undefined();
    });
  }

  Napi::Value state_count(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      return Napi::Number::New(info.Env(), static_cast<double>(net().state_count()));
    });
  }

  void close(const Napi::CallbackInfo&) { net_.reset(); }

  std::unique_ptr<DenseNet> net_;
};

}  // namespace

DenseNet& engine_of_net(const Napi::Object& net) {
  return DenseNetWrap::Unwrap(net)->net();
}

void register_dense_net(Napi::Env env, Napi::Object exports) {
  exports.Set("DenseNet", DenseNetWrap::define(env));
}

}  // namespace collide::addon
