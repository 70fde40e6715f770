#include "addon/hash.h"

#include "addon/addon.h"

namespace collide::addon {

namespace {

class ObjectParts : public HashParts {
 public:
  ObjectParts(const Napi::Object& object, std::uint64_t cardinality, const std::string& where)
      : HashParts(rows_of(object), cardinality, where), object_(object) {}

  double number(const char* key) const override { return addon::number(object_, key); }
  std::uint64_t seed(const char* key) const override { return addon::seed(object_, key); }
  std::string word(const char* key) const override { return text(object_, key); }
  Elements<std::uint8_t> bytes(const char* key) const override { return elements<std::uint8_t>(key); }
  Elements<std::uint32_t> words(const char* key) const override { return elements<std::uint32_t>(key); }

 private:
  static std::uint64_t rows_of(const Napi::Object& object) {
    const double rows = addon::number(object, "rows");
    return rows >= 1 && rows <= static_cast<double>(kMostRows) ? static_cast<std::uint64_t>(rows) : 0;
  }

  template <typename T>
  Elements<T> elements(const char* key) const {
    const auto array = view<T>(object_.Get(key), key);
    return {array.data, array.length};
  }

  const Napi::Object& object_;
};

}  // namespace

HashFunction read_hash(const Napi::Object& object, std::uint64_t cardinality, const std::string& where) {
  return HashFunction::read(text(object, "kind"), ObjectParts(object, cardinality, where));
}

}  // namespace collide::addon
