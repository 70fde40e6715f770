// Rows from a source (core/embedding/row_source.h) on the CPU engine: a toy that is written down twice, as a source and
// as hash functions, learns the same; mixed dimension gives the same bits for any number of threads; what does not fit
// is refused.
#include "core/embedding/row_source.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "checks.h"
#include "core/support/random.h"
#include "cpu/embedding/engine.h"
#include "cpu/embedding/row_codec.h"
#include "cpu/embedding/sources/index.h"

namespace {

using namespace collide;
using checks::check;
using checks::rejects;

constexpr std::uint64_t kIds = 9000;
const EmbeddingOptimizer kAdagrad = embedding_optimizers::RowwiseAdagrad{.epsilon = 1e-8f, .weight_decay = 0};
constexpr std::uint32_t kDim = 12, kRemainders = 100;

// Row r is the sum of row r / 100 of one table and row r % 100 of another.
class QuotientRemainder final : public RowSource {
 public:
  explicit QuotientRemainder(std::uint32_t dim)
      : RowSource({"quotient-remainder",
                   kIds,
                   dim,
                   {{"", kIds / kRemainders, dim, true, 0, 0.5f}, {"1", kRemainders, dim, true, 0, 0.5f}},
                   {}}) {}

  void make(const SourceRows* tables, const std::uint32_t* rows, std::size_t n, float* out, unsigned) const override {
    const std::size_t dim = settings().dim;
    for (std::size_t i = 0; i < n; ++i) {
      const auto* quotient = reinterpret_cast<const float*>(tables[0].data) + rows[i] / kRemainders * dim;
      const auto* remainder = reinterpret_cast<const float*>(tables[1].data) + rows[i] % kRemainders * dim;
      for (std::size_t j = 0; j < dim; ++j) out[i * dim + j] = quotient[j] + remainder[j];
    }
  }

  void backward(const SourceRows*, const std::uint32_t* rows, std::size_t n, const float* gradient,
                SourceGradient* gradients, unsigned) const override {
    for (std::size_t t = 0; t < 2; ++t) {
      gradients[t].rows.assign(rows, rows + n);
      for (std::uint32_t& row : gradients[t].rows) row = t == 0 ? row / kRemainders : row % kRemainders;
      gradients[t].values.assign(gradient, gradient + n * settings().dim);
    }
  }
};

// A feature whose rows the source makes, by one hash function, the identity.
Feature sourced(const std::string& name, std::unique_ptr<RowSource> source, Pooling pooling = Pooling::kSum) {
  Feature feature;
  feature.name = name;
  feature.cardinality = source->settings().rows;
  feature.dim = source->settings().dim;
  feature.pooling = pooling;
  feature.hashes.emplace_back(IdentityHash(feature.cardinality));
  feature.source = std::move(source);
  return feature;
}

Feature hashed() {
  Feature feature;
  feature.name = "f";
  feature.cardinality = kIds;
  feature.dim = kDim;
  feature.hashes.emplace_back(QuotientHash(kIds / kRemainders, kRemainders));
  feature.hashes.emplace_back(ModuloHash(kRemainders));
  feature.table_names = {"f", "f/1"};
  return feature;
}

RowSourceSettings mixed(std::uint32_t width, std::uint32_t dim) {
  return {
      "mixed-dimension", kIds, dim, {{"", kIds, width, false, 0, 0.1f}, {"projection", width, dim, true, 0, 0.5f}}, {}};
}

struct Batch {
  std::vector<std::uint32_t> ids, offsets{0};
  std::vector<float> weights;
  BagBatch bags(std::size_t features) const {
    BagBatch batch;
    batch.indices = ids.data();
    batch.index_count = ids.size();
    batch.offsets = offsets.data();
    batch.batch = (offsets.size() - 1) / features;
    batch.weights = weights.empty() ? nullptr : weights.data();
    return batch;
  }
};

// `bags` bags of `longest` ids or fewer for each feature; most ids come often.
Batch random_batch(std::size_t features, std::size_t bags, std::size_t longest, bool weighted, std::uint64_t seed) {
  Batch batch;
  for (std::size_t bag = 0; bag < features * bags; ++bag) {
    const std::size_t length = longest == 1 ? 1 : mix64(seed + bag) % (longest + 1);
    for (std::size_t i = 0; i < length; ++i) {
      const float u = uniform01(seed, batch.ids.size());
      batch.ids.push_back(static_cast<std::uint32_t>(u * u * u * kIds));
    }
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  for (std::size_t i = 0; weighted && i < batch.ids.size(); ++i) batch.weights.push_back(uniform01(seed + 1, i));
  return batch;
}

// Outputs, rows and states of two steps.
std::vector<float> trained(std::vector<Feature> features, const Batch& batch, OptimizerSettings optimizer,
                           unsigned threads, bool whole_numbers) {
  const std::size_t count = features.size();
  CpuEmbedding tables(EmbeddingLayout(std::move(features)), optimizer, BadIndex::kError, 7, threads);
  // Whole numbers, whose sums are exact in any order.
  for (std::size_t t = 0; whole_numbers && t < tables.layout().tables.size(); ++t) {
    const TableShape& shape = tables.layout().tables[t];
    std::vector<float> values(shape.rows * shape.width);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(mix64(i + t) % 9) - 4;
    tables.write_values(t, 0, shape.rows, values.data());
  }
  std::vector<float> left;
  for (int step = 0; step < 2; ++step) {
    const BagBatch bags = batch.bags(count);
    std::vector<float> out(bags.batch * tables.layout().output_width), gradient(out.size()), weights(batch.ids.size());
    tables.forward(bags, out.data(), true);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] = whole_numbers ? static_cast<float>(mix64(i) % 9) - 4 : uniform01(3, i) - 0.5f;
    }
    tables.backward(gradient.data(), weights.data());
    left.insert(left.end(), out.begin(), out.end());
    left.insert(left.end(), weights.begin(), weights.end());
  }
  for (std::size_t t = 0; t < tables.layout().tables.size(); ++t) {
    const TableShape& shape = tables.layout().tables[t];
    std::vector<float> values(shape.rows * shape.width), state(shape.rows * tables.state_per_row(t));
    tables.read_values(t, 0, shape.rows, values.data());
    tables.read_state(t, 0, shape.rows, state.data());
    left.insert(left.end(), values.begin(), values.end());
    left.insert(left.end(), state.begin(), state.end());
  }
  return left;
}

void test_toy() {
  using namespace embedding_optimizers;
  const Adam adam{.epsilon = 1e-8f, .beta1 = 0.9f, .beta2 = 0.999f, .weight_decay = 0};
  for (const EmbeddingOptimizer& kind : std::vector<EmbeddingOptimizer>{Sgd{0}, kAdagrad, adam}) {
    const OptimizerSettings optimizer{kind, 1};
    for (const std::size_t bags : {40, 40'000}) {  // 40,000 gradients are summed on several threads
      const Batch batch = random_batch(1, bags, 1, false, bags);
      std::vector<Feature> by_source, by_hash;
      by_source.push_back(sourced("f", std::make_unique<QuotientRemainder>(kDim)));
      by_hash.push_back(hashed());
      const std::string what = std::to_string(bags) + " bags, optimizer " + std::to_string(kind.index());
      // Two steps of whole numbers at rate 1; Adagrad's and Adam's rows are no whole numbers any more in the second.
      const bool exact = kind.index() == 0;
      auto expected = trained(std::move(by_hash), batch, optimizer, 3, true);
      auto given = trained(std::move(by_source), batch, optimizer, 3, true);
      check(given.size() == expected.size(), "sizes: " + what);
      float most = 0;
      for (std::size_t i = 0; i < given.size(); ++i) most = std::max(most, std::abs(given[i] - expected[i]));
      check(exact ? given == expected : most < 1e-4f, "a toy learns as its hash functions do: " + what);
    }
  }
}

void test_threads() {
  const OptimizerSettings optimizer{kAdagrad, 0.02f};
  for (const bool weighted : {false, true}) {
    const Batch batch = random_batch(3, 6000, 8, weighted, 5);  // of 9,000 rows, in pieces of 4,096
    std::vector<float> first;
    for (const unsigned threads : {1, 2, 3, 7}) {
      std::vector<Feature> features;
      features.push_back(sourced("movie", make_row_source(mixed(5, 20))));
      features.push_back(sourced("history", make_row_source(mixed(5, 20)), Pooling::kMean));
      features.back().table_names = {"movie"};
      features.push_back(sourced("alone", make_row_source(mixed(1, 70)), Pooling::kNone));
      features.back().sequence_length = 8;
      const std::vector<float> given = trained(std::move(features), batch, optimizer, threads, false);
      if (threads == 1) first = given;
      check(given == first, "the same bits with " + std::to_string(threads) + " threads");
    }
  }
}

void test_refusals() {
  const auto layout = [](Feature feature) {
    std::vector<Feature> features;
    features.push_back(std::move(feature));
    EmbeddingLayout made(std::move(features));
  };
  rejects("Expected a source of rows that native code has (mixed-dimension)", [] {
    RowSourceSettings settings = mixed(4, 8);
    settings.kind = "no such thing";
    make_row_source(settings);
  });
  for (const auto& change : std::vector<void (*)(RowSourceSettings&)>{
           [](RowSourceSettings& s) { s.tables.clear(); },
           [](RowSourceSettings& s) { s.tables.pop_back(); },
           [](RowSourceSettings& s) { s.tables[0].rows = 3; },
           [](RowSourceSettings& s) { s.tables[0].width = 5; },
           [](RowSourceSettings& s) { s.tables[1].width = 7; },
           [](RowSourceSettings& s) { s.tables[1].exact = false; },
           [](RowSourceSettings& s) { s.numbers["rank"] = 3; },
       }) {
    rejects("for source mixed-dimension", [&] {
      RowSourceSettings settings = mixed(4, 8);
      change(settings);
      make_row_source(settings);
    });
  }
  rejects("a source of as many rows and columns", [&] {
    Feature feature = sourced("f", std::make_unique<QuotientRemainder>(kDim));
    feature.dim = kDim + 1;
    layout(std::move(feature));
  });
  rejects("one hash function beside a source", [&] {
    Feature feature = sourced("f", std::make_unique<QuotientRemainder>(kDim));
    feature.combine = Combine::kMultiply;
    layout(std::move(feature));
  });
}

}  // namespace

int main() {
  test_toy();
  test_threads();
  test_refusals();
  return checks::summary();
}
