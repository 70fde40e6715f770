// Batches made of arbitrary bytes: layout, types, indices, offsets, batch sizes and weights. Whatever they are, the
// engine accepts exactly what a plain check accepts, refuses the rest with the right code, and pools what it accepts as
// plain loops do; the sanitizers watch the memory. Runs seeded inputs; with clang and -DCOLLIDE_LIBFUZZER
// -fsanitize=fuzzer,address it is a coverage-guided fuzz target instead.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/support/error.h"
#include "cpu/embedding/engine.h"

namespace {

using namespace collide;

// The fuzzer's bytes as numbers; zeros when they have run out.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : next_(data), end_(data + size) {}
  std::uint64_t below(std::uint64_t n) { return word() % n; }
  bool one_in(unsigned n) { return byte() % n == 0; }
  std::uint8_t byte() { return next_ == end_ ? 0 : *next_++; }
  std::uint32_t word() { return byte() | byte() << 8; }
  // Mostly small, sometimes anything.
  std::int64_t wild(std::int64_t most) {
    if (!one_in(16)) return static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most) + 1));
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return static_cast<std::int64_t>(value);
  }

 private:
  const std::uint8_t *next_, *end_;
};

HashFunction some_hash(Bytes& bytes, std::uint64_t cardinality) {
  switch (bytes.below(3)) {
    case 0:
      return IdentityHash(cardinality);
    case 1:
      return ModuloHash(1 + bytes.below(9));
    default: {
      const std::uint64_t rows = 1 + bytes.below(200);  // with the code for pruned ids still a byte
      std::vector<std::uint8_t> entries(cardinality);
      for (auto& entry : entries) entry = static_cast<std::uint8_t>(bytes.below(rows + 1));
      return TableHash::make(rows, 8, entries.data(), entries.size(), cardinality, "a test");
    }
  }
}

EmbeddingLayout some_layout(Bytes& bytes) {
  std::vector<Feature> features(1 + bytes.below(3));
  for (std::size_t f = 0; f < features.size(); ++f) {
    Feature& feature = features[f];
    feature.name = std::string(1, static_cast<char>('a' + f));
    feature.cardinality = 1 + bytes.below(40);
    const std::uint32_t hashes = 1 + static_cast<std::uint32_t>(bytes.below(2));
    for (std::uint32_t h = 0; h < hashes; ++h) feature.hashes.push_back(some_hash(bytes, feature.cardinality));
    feature.combine = static_cast<Combine>(bytes.below(3));
    feature.dim = (1 + static_cast<std::uint32_t>(bytes.below(18))) * hashes;
    feature.pooling = static_cast<Pooling>(bytes.below(3));
    if (feature.pooling == Pooling::kNone) feature.sequence_length = 1 + static_cast<std::uint32_t>(bytes.below(3));
    feature.precision = static_cast<Precision>(bytes.below(5));
    feature.init_scale = 1;
  }
  return EmbeddingLayout(std::move(features));
}

// An array of one of the three types that holds what `values` are in that type.
struct Integers {
  std::vector<std::uint32_t> u32;
  std::vector<std::int32_t> i32;
  std::vector<std::int64_t> i64;
  IntegerType type;

  Integers(const std::vector<std::int64_t>& values, IntegerType of) : type(of) {
    if (type == IntegerType::kU32) u32.assign(values.begin(), values.end());
    if (type == IntegerType::kI32) i32.assign(values.begin(), values.end());
    if (type == IntegerType::kI64) i64 = values;
  }
  const void* data() const {
    return type == IntegerType::kU32   ? static_cast<const void*>(u32.data())
           : type == IntegerType::kI32 ? static_cast<const void*>(i32.data())
                                       : static_cast<const void*>(i64.data());
  }
  std::int64_t at(std::size_t i) const {
    return type == IntegerType::kU32 ? u32[i] : type == IntegerType::kI32 ? i32[i] : i64[i];
  }
};

struct SomeBatch {
  std::vector<std::uint32_t> sizes;
  bool ragged;
  Integers indices, offsets;
  std::size_t count;  // indices
  std::vector<float> weights;

  BagBatch view() const {
    BagBatch batch{indices.type, indices.data(), count, offsets.type, offsets.data(), sizes[0]};
    if (ragged) batch.batch_sizes = sizes.data();
    if (!weights.empty()) batch.weights = weights.data();
    return batch;
  }
};

SomeBatch some_batch(Bytes& bytes, const EmbeddingLayout& layout) {
  const bool ragged = bytes.one_in(2);
  const auto type = [&] { return static_cast<IntegerType>(bytes.below(3)); };
  std::vector<std::uint32_t> sizes;
  std::vector<std::int64_t> indices, offsets = {bytes.one_in(40) ? bytes.wild(3) : 0};
  const auto size = static_cast<std::uint32_t>(bytes.below(6));
  for (const Feature& feature : layout.features) {
    sizes.push_back(ragged ? static_cast<std::uint32_t>(bytes.below(6)) : size);
    for (std::uint32_t bag = 0; bag < sizes.back(); ++bag) {
      std::uint64_t length = bytes.below(feature.pooling == Pooling::kNone ? feature.sequence_length + 1 : 5);
      if (feature.pooling != Pooling::kNone && bytes.one_in(20)) length = bytes.below(1200);
      for (std::uint64_t i = 0; i < length; ++i) {
        const auto most = static_cast<std::int64_t>(feature.cardinality) - 1;
        indices.push_back(bytes.one_in(64) ? bytes.wild(most) : static_cast<std::int64_t>(bytes.below(most + 1)));
      }
      offsets.push_back(static_cast<std::int64_t>(indices.size()));
    }
  }
  if (bytes.one_in(6)) offsets[bytes.below(offsets.size())] = bytes.wild(20);
  std::vector<float> weights;
  for (std::size_t i = 0; i < indices.size() && (i > 0 || bytes.one_in(2)); ++i) {
    weights.push_back(static_cast<float>(bytes.byte()) / 128 - 1);
  }
  return {sizes, ragged, Integers(indices, type()), Integers(offsets, type()), indices.size(), weights};
}

// What a batch must be answered with: "none", INVALID_OFFSETS or INVALID_INDEX.
std::string expected_code(const EmbeddingLayout& layout, const SomeBatch& batch) {
  std::size_t bag = 0;
  if (batch.offsets.at(0) != 0) return "INVALID_OFFSETS";
  for (std::size_t f = 0; f < batch.sizes.size(); ++f) {
    for (std::uint32_t b = 0; b < batch.sizes[f]; ++b, ++bag) {
      const std::int64_t begin = batch.offsets.at(bag), end = batch.offsets.at(bag + 1);
      const Feature& feature = layout.features[f];
      if (end < begin || end > static_cast<std::int64_t>(batch.count)) return "INVALID_OFFSETS";
      if (feature.pooling == Pooling::kNone && end - begin > feature.sequence_length) return "INVALID_OFFSETS";
    }
  }
  if (batch.offsets.at(bag) != static_cast<std::int64_t>(batch.count)) return "INVALID_OFFSETS";
  bag = 0;
  for (std::size_t f = 0; f < batch.sizes.size(); ++f) {
    const std::int64_t begin = batch.offsets.at(bag), end = batch.offsets.at(bag += batch.sizes[f]);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t id = batch.indices.at(static_cast<std::size_t>(i));
      if (id < 0 || static_cast<std::uint64_t>(id) >= layout.features[f].cardinality) return "INVALID_INDEX";
    }
  }
  return "none";
}

// One value of one pooled bag (of one position of a sequence), by the definition.
double pooled(CpuEmbedding& engine, const SomeBatch& batch, std::size_t f, std::size_t bag, std::size_t position,
              std::size_t column, double* magnitude) {
  const Feature& feature = engine.layout().features[f];
  auto begin = static_cast<std::size_t>(batch.offsets.at(bag)),
       end = static_cast<std::size_t>(batch.offsets.at(bag + 1));
  const std::size_t length = end - begin;
  if (feature.pooling == Pooling::kNone) {
    begin = std::min(end, begin + position);
    end = std::min(end, begin + 1);
  }
  const std::size_t width = feature.table_width();
  double sum = 0;
  *magnitude = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const auto id = static_cast<std::uint32_t>(batch.indices.at(i));
    double value = feature.combine == Combine::kMultiply ? 1 : 0;
    for (std::size_t h = 0; h < feature.hashes.size(); ++h) {
      if (feature.combine == Combine::kConcat && column / width != h) continue;
      std::uint32_t row;
      feature.hashes[h].rows_of(&id, 1, &row);
      const InternalTable& table = engine.table(f, h);
      std::vector<float> values(width);
      if (row != kPruned) decode_rows(table.precision, table.row(row), 1, width, values.data());
      const double x = values[column % width];
      value = feature.combine == Combine::kMultiply ? value * x : value + x;
    }
    const double weight = batch.weights.empty() ? 1 : batch.weights[i];
    sum += weight * value;
    *magnitude += std::abs(weight) * 3;  // rows and their sums are at most that large
  }
  return feature.pooling == Pooling::kMean && length > 0 ? sum / static_cast<double>(length) : sum;
}

[[noreturn]] void wrong(const std::string& what) {
  std::printf("FAILED: %s\n", what.c_str());
  std::abort();
}

void one_input(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  CpuEmbedding engine(some_layout(bytes), {}, BadIndex::kError, 1, 1 + static_cast<unsigned>(bytes.below(3)));
  const EmbeddingLayout& layout = engine.layout();
  const SomeBatch batch = some_batch(bytes, layout);
  const std::vector<FeatureBags> bags = feature_bags(layout, batch.view());
  std::vector<float> out(output_size(layout, bags), 7);
  std::string code = "none";
  try {
    engine.forward(batch.view(), out.data(), true);
  } catch (const Error& error) {
    code = error.code;
  }
  if (code != expected_code(layout, batch)) wrong("expected " + expected_code(layout, batch) + ", received " + code);
  if (code != "none") {
    if (std::any_of(out.begin(), out.end(), [](float x) { return x != 7; })) wrong("a refused batch was written");
    return;
  }
  for (std::size_t f = 0; f < bags.size(); ++f) {
    const Feature& feature = layout.features[f];
    for (std::size_t bag = 0; bag < bags[f].bags; ++bag) {
      for (std::size_t j = 0; j < feature.output_width(); ++j) {
        double magnitude;
        const double expected =
            pooled(engine, batch, f, bags[f].first_bag + bag, j / feature.dim, j % feature.dim, &magnitude);
        if (!(std::abs(out[bags[f].base + bag * bags[f].stride + j] - expected) <= 1e-6 * magnitude)) {
          wrong("feature " + feature.name + " differs");
        }
      }
    }
  }
  std::vector<float> weight_gradient(batch.count);
  try {
    engine.backward(out.data(), weight_gradient.data());
  } catch (const Error& error) {
    const bool serves = std::any_of(layout.tables.begin(), layout.tables.end(),
                                    [](const TableShape& table) { return !trainable(table.precision); });
    if (error.code != "NOT_SUPPORTED" || !serves) wrong("backward: " + error.code);
  }
}

}  // namespace

#ifdef COLLIDE_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  one_input(data, size);
  return 0;
}
#else
int main() {
  constexpr int kInputs = 3000;
  for (int seed = 0; seed < kInputs; ++seed) {
    std::vector<std::uint8_t> data(4096);
    for (std::size_t i = 0; i < data.size(); ++i) {
      data[i] = static_cast<std::uint8_t>(mix64(static_cast<std::uint64_t>(seed) << 32 | i));
    }
    one_input(data.data(), data.size());
  }
  std::printf("%d passed, 0 failed\n", kInputs);
  return 0;
}
#endif
