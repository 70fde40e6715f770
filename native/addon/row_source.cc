#include "addon/row_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "addon/addon.h"
#include "addon/arrays.h"
#include "cpu/embedding/row_codec.h"
#include "cpu/embedding/sources/index.h"

namespace collide::addon {

namespace {

RowSourceSettings read_settings(const Napi::Object& object) {
  RowSourceSettings settings;
  settings.kind = text(object, "kind");
  settings.rows = static_cast<std::uint64_t>(number(object, "rows"));
  settings.dim = static_cast<std::uint32_t>(integer(object, "dim"));
  const auto tables = object.Get("tables").As<Napi::Array>();
  for (std::uint32_t t = 0; t < tables.Length(); ++t) {
    const auto table = tables.Get(t).As<Napi::Object>();
    settings.tables.push_back({text(table, "part"), static_cast<std::uint64_t>(number(table, "rows")),
                               static_cast<std::uint32_t>(integer(table, "width")), boolean(table, "exact"),
                               static_cast<float>(number(table, "initCenter")),
                               static_cast<float>(number(table, "initScale"))});
  }
  const auto numbers = object.Get("numbers").As<Napi::Object>();
  const Napi::Array names = numbers.GetPropertyNames();
  for (std::uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
    settings.numbers[name] = number(numbers, name.c_str());
  }
  return settings;
}

// A source whose rows and gradients JavaScript computes, one call each per batch. It gets a function per table that
// copies rows out of it, and returns arrays that are copied, too.
class ScriptedSource final : public RowSource {
 public:
  ScriptedSource(RowSourceSettings settings, const Napi::Object& object)
      : RowSource(std::move(settings)),
        make_(Napi::Persistent(object.Get("makeRows").As<Napi::Function>())),
        backward_(Napi::Persistent(object.Get("backward").As<Napi::Function>())) {}

  void make(const SourceRows* tables, const std::uint32_t* rows, std::size_t n, float* out, unsigned) const override {
    const Napi::Env env = make_.Env();
    const Readers readers(*this, env, tables);
    const auto made = make_.Call({readers.functions(), copied(env, "Uint32Array", rows, n)});
    const auto values = floats(made, n * settings().dim, "the rows of row source " + settings().kind);
    std::copy_n(values.data, values.length, out);
  }

  void backward(const SourceRows* tables, const std::uint32_t* rows, std::size_t n, const float* gradient,
                SourceGradient* gradients, unsigned) const override {
    const Napi::Env env = backward_.Env();
    const Readers readers(*this, env, tables);
    const auto given = backward_.Call({readers.functions(), copied(env, "Uint32Array", rows, n),
                                       copied(env, "Float32Array", gradient, n * settings().dim)});
    const std::size_t count = settings().tables.size();
    const std::string where = "the gradients of row source " + settings().kind;
    if (!given.IsArray() || given.As<Napi::Array>().Length() != count) {
      fail("INVALID_ARGUMENT", "Expected an array of one entry for each of ", count, " tables for ", where);
    }
    for (std::uint32_t t = 0; t < count; ++t) {
      const Napi::Value entry = given.As<Napi::Array>().Get(t);
      if (!entry.IsObject()) fail("INVALID_ARGUMENT", "Expected an object { rows, values } for ", where);
      const auto of_rows = view<std::uint32_t>(entry.As<Napi::Object>().Get("rows"), where.c_str());
      for (std::size_t i = 0; i < of_rows.length; ++i) check_row(tables[t], of_rows.data[i], where);
      gradients[t].rows.assign(of_rows.data, of_rows.data + of_rows.length);
      const auto values = floats(entry.As<Napi::Object>().Get("values"), of_rows.length * tables[t].width, where);
      gradients[t].values.assign(values.data, values.data + values.length);
    }
  }

 private:
  // Functions that read the tables as long as this lives.
  class Readers {
   public:
    Readers(const ScriptedSource& source, Napi::Env env, const SourceRows* tables)
        : tables_(std::make_shared<const SourceRows*>(tables)), functions_(Napi::Array::New(env)) {
      for (std::uint32_t t = 0; t < source.settings().tables.size(); ++t) {
        functions_.Set(t, Napi::Function::New(env, [t, open = tables_](const Napi::CallbackInfo& info) {
                         return guarded(info.Env(), [&] { return read(info, *open, t); });
                       }));
      }
    }
    ~Readers() { *tables_ = nullptr; }
    Readers(const Readers&) = delete;
    Readers& operator=(const Readers&) = delete;

    Napi::Array functions() const { return functions_; }

   private:
    static Napi::Value read(const Napi::CallbackInfo& info, const SourceRows* tables, std::uint32_t t) {
      if (tables == nullptr) fail("INVALID_ARGUMENT", "Expected a table to be read only while its row source works");
      const auto rows = view<std::uint32_t>(info[0], "the rows of a table");
      const SourceRows& table = tables[t];
      for (std::size_t i = 0; i < rows.length; ++i) check_row(table, rows.data[i], "a table");
      return filled<float>(info.Env(), "Float32Array", rows.length * table.width, [&](float* out) {
        const std::size_t bytes = row_bytes(table.precision, table.width);
        for (std::size_t i = 0; i < rows.length; ++i) {
          decode_rows(table.precision, table.data + rows.data[i] * bytes, 1, table.width, out + i * table.width);
        }
      });
    }

    std::shared_ptr<const SourceRows*> tables_;
    Napi::Array functions_;
  };

  static void check_row(const SourceRows& table, std::uint32_t row, const std::string& where) {
    if (row < table.rows) return;
    fail("INVALID_ARGUMENT", "Expected rows below ", table.rows, " for ", where, ", received ", row);
  }

  static View<float> floats(const Napi::Value& value, std::size_t count, const std::string& where) {
    return view_of<float>(value, count, where.c_str());
  }

  Napi::FunctionReference make_, backward_;
};

}  // namespace

std::shared_ptr<const RowSource> read_row_source(const Napi::Object& object) {
  RowSourceSettings settings = read_settings(object);
  if (object.Get("makeRows").IsUndefined()) return make_row_source(std::move(settings));
  return std::make_shared<ScriptedSource>(std::move(settings), object);
}

}  // namespace collide::addon
