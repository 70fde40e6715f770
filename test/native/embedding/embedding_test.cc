// The CPU embedding engine under sanitizers: random layouts against plain float64 loops, the same bits for 1 to 7
// threads, saturating counts, refused batches, tables used from several threads at once.
#include "cpu/embedding/engine.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/support/error.h"

namespace {

using namespace collide;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

// A counter-based generator of its own sequence.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t below(std::uint64_t n) { return mix64(seed_ ^ mix64(next_++)) % n; }
  float uniform() { return 2 * uniform01(seed_, next_++) - 1; }

 private:
  std::uint64_t seed_, next_ = 0;
};

HashFunction random_hash(Random& random, std::uint64_t cardinality) {
  const std::uint64_t rows = 1 + random.below(60);
  switch (random.below(6)) {
    case 0:
      return IdentityHash(cardinality);
    case 1:
      return ModuloHash(rows);
    case 2:
      return MixedHash(rows, mix64(random.below(1000)));
    case 3: {
      const std::uint64_t divisor = 1 + random.below(10);
      return QuotientHash((cardinality + divisor - 1) / divisor, divisor);
    }
    case 4: {
      const unsigned bytes = 1 + static_cast<unsigned>(random.below(4));
      std::vector<std::uint8_t> entries(cardinality * bytes, 0);
      for (std::uint64_t id = 0; id < cardinality; ++id) {
        const auto row = static_cast<std::uint32_t>(random.below(rows));
        std::memcpy(entries.data() + id * bytes, &row, bytes);
      }
      return TableHash::make(rows, 8 * bytes, entries.data(), entries.size(), cardinality, "a test");
    }
    default: {
      std::vector<std::uint32_t> bitmap((cardinality + 31) / 32, 0);
      std::uint64_t hot = 0;
      for (std::uint64_t id = 0; id < cardinality; ++id) {
        if (random.below(3) > 0) continue;
        bitmap[id / 32] |= 1u << (id % 32);
        ++hot;
      }
      const HotTail tail = random.below(2) == 0 ? HotTail::kMixed : HotTail::kModulo;
      return HotHash::make(hot + rows, bitmap.data(), bitmap.size(), tail, 7, cardinality, "a test");
    }
  }
}

constexpr std::uint32_t kWidths[] = {1, 2, 3, 4, 7, 8, 16, 17, 31, 32, 64, 65, 70, 100, 257};

EmbeddingLayout random_layout(std::uint64_t seed) {
  Random random(seed);
  std::vector<Feature> features(1 + random.below(4));
  for (std::size_t f = 0; f < features.size(); ++f) {
    Feature& feature = features[f];
    feature.name = "f" + std::to_string(f);
    feature.cardinality = 1 + random.below(random.below(4) == 0 ? 1 : 700);
    for (std::size_t hashes = 1 + random.below(3); hashes > 0; --hashes) {
      feature.hashes.push_back(random_hash(random, feature.cardinality));
    }
    feature.combine = random.below(2) == 0 ? Combine::kSum : Combine::kConcat;
    feature.dim = kWidths[random.below(std::size(kWidths))];
    if (feature.combine == Combine::kConcat) feature.dim *= static_cast<std::uint32_t>(feature.hashes.size());
    feature.pooling = static_cast<Pooling>(random.below(3));
    feature.sequence_length = feature.pooling == Pooling::kNone ? 1 + static_cast<std::uint32_t>(random.below(5)) : 1;
    feature.init_scale = 1;
  }
  return EmbeddingLayout(std::move(features));
}

struct Batch {
  std::vector<std::uint32_t> ids, offsets{0};
  std::vector<float> weights;
  std::size_t size = 0;

  BagBatch view() const {
    BagBatch batch;
    batch.indices = ids.data();
    batch.index_count = ids.size();
    batch.offsets = offsets.data();
    batch.batch = size;
    batch.weights = weights.empty() ? nullptr : weights.data();
    return batch;
  }
};

Batch random_batch(Random& random, const EmbeddingLayout& layout, std::size_t size) {
  Batch batch;
  batch.size = size;
  for (const Feature& feature : layout.features) {
    const std::uint64_t pool = 1 + random.below(feature.cardinality);  // few ids: most of them repeat
    for (std::size_t bag = 0; bag < size; ++bag) {
      std::size_t length = random.below(5);
      if (feature.pooling == Pooling::kNone) length = random.below(feature.sequence_length + 1);
      if (feature.pooling != Pooling::kNone && random.below(50) == 0) length = 60 + random.below(1500);
      for (; length > 0; --length) batch.ids.push_back(static_cast<std::uint32_t>(random.below(pool)));
      batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
    }
  }
  if (random.below(2) == 0) {
    for (std::size_t i = 0; i < batch.ids.size(); ++i) batch.weights.push_back(random.uniform());
  }
  return batch;
}

// Where hash function h of feature f writes position p of bag `bag`, and what the id's row is scaled by.
struct Place {
  std::size_t output;
  float coefficient;
  std::uint32_t row;
};

Place place(const EmbeddingLayout& layout, const Batch& batch, std::size_t f, std::size_t h, std::size_t bag,
            std::uint32_t i) {
  const Feature& feature = layout.features[f];
  const std::uint32_t begin = batch.offsets[f * batch.size + bag], end = batch.offsets[f * batch.size + bag + 1];
  Place result{bag * layout.output_width + layout.output_offset[f], batch.weights.empty() ? 1.0f : batch.weights[i], 0};
  if (feature.pooling == Pooling::kNone) result.output += (i - begin) * feature.dim;
  if (feature.pooling == Pooling::kMean) result.coefficient /= static_cast<float>(end - begin);
  if (feature.combine == Combine::kConcat) result.output += h * feature.table_width();
  feature.hashes[h].rows_of(&batch.ids[i], 1, &result.row);
  return result;
}

template <typename Body>
void for_each_id(const Batch& batch, std::size_t f, const Body& body) {
  for (std::size_t bag = 0; bag < batch.size; ++bag) {
    for (std::uint32_t i = batch.offsets[f * batch.size + bag]; i < batch.offsets[f * batch.size + bag + 1]; ++i) {
      body(bag, i);
    }
  }
}

bool near(const float* actual, const std::vector<double>& expected) {
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    difference = std::max(difference, std::abs(actual[i] - expected[i]));
    if (std::isnan(actual[i])) return false;
  }
  return difference <= 1e-5 * largest;
}

const EmbeddingOptimizer kPapers = embedding_optimizers::RowwiseAdagrad{.epsilon = 1e-8f, .weight_decay = 0};

std::size_t size_of(const InternalTable& table) {
  return table.rows * table.width;
}

// One SGD step against plain loops in float64.
void step_against_reference(std::uint64_t seed) {
  const std::string what = "layout " + std::to_string(seed) + ": ";
  Random random(seed);
  const OptimizerSettings sgd{embedding_optimizers::Sgd{}, 0.5f};
  CpuEmbedding engine(random_layout(seed), sgd, BadIndex::kError, seed, 3);
  const EmbeddingLayout& layout = engine.layout();
  const Batch batch = random_batch(random, layout, random.below(4) == 0 ? random.below(2) : 1 + random.below(300));
  std::vector<double> expected(batch.size * layout.output_width, 0);
  std::vector<float> out(expected.size()), gradient(expected.size());
  for (float& g : gradient) g = random.uniform();
  std::vector<std::pair<const InternalTable*, std::vector<double>>> stepped;
  for (std::size_t f = 0; f < layout.features.size(); ++f) {
    for (std::size_t h = 0; h < layout.features[f].hashes.size(); ++h) {
      const InternalTable& table = engine.table(f, h);
      const auto* weights = table.weights.as<float>();
      std::vector<double> after(weights, weights + size_of(table));
      for_each_id(batch, f, [&](std::size_t bag, std::uint32_t i) {
        const Place at = place(layout, batch, f, h, bag, i);
        for (std::size_t j = 0; j < table.width; ++j) {
          const std::size_t element = std::size_t{at.row} * table.width + j;
          expected[at.output + j] += static_cast<double>(at.coefficient) * weights[element];
          after[element] -= 0.5 * at.coefficient * gradient[at.output + j];
        }
      });
      stepped.emplace_back(&table, std::move(after));
    }
  }
  engine.forward(batch.view(), out.data(), true);
  check(near(out.data(), expected), what + "forward");
  engine.backward(gradient.data());
  for (const auto& [table, after] : stepped) check(near(table->weights.as<float>(), after), what + "step");
}

std::vector<std::uint32_t> counts_of(CpuEmbedding& engine, std::size_t feature) {
  std::vector<std::uint32_t> counts(engine.layout().features[feature].cardinality);
  engine.read_counts(feature, 0, counts.size(), counts.data());
  return counts;
}

// All that two training steps leave behind.
std::vector<float> train(std::uint64_t seed, const EmbeddingOptimizer& kind, unsigned threads, std::size_t size) {
  Random random(seed);
  const OptimizerSettings optimizer{kind, 0.02f};
  CpuEmbedding engine(random_layout(seed), optimizer, BadIndex::kError, seed, threads);
  const EmbeddingLayout& layout = engine.layout();
  std::vector<float> left, out(size * layout.output_width), gradient(out.size());
  for (int step = 0; step < 2; ++step) {
    const Batch batch = random_batch(random, layout, size);
    engine.forward(batch.view(), out.data(), true);
    for (float& g : gradient) g = random.uniform();
    engine.backward(gradient.data());
    left.insert(left.end(), out.begin(), out.end());
  }
  for (std::size_t f = 0; f < layout.features.size(); ++f) {
    for (std::size_t h = 0; h < layout.features[f].hashes.size(); ++h) {
      const InternalTable& table = engine.table(f, h);
      left.insert(left.end(), table.weights.as<float>(), table.weights.as<float>() + size_of(table));
      std::vector<float> state(table.rows * optimizer.state_per_row(table.width));
      engine.read_state(layout.features[f].tables[h], 0, table.rows, state.data());
      left.insert(left.end(), state.begin(), state.end());
    }
    for (const std::uint32_t count : counts_of(engine, f)) left.push_back(static_cast<float>(count));
  }
  return left;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

void same_bits_for_any_threads() {
  const EmbeddingOptimizer kinds[] = {embedding_optimizers::Sgd{},
                                      embedding_optimizers::Adagrad{.epsilon = 1e-8f, .weight_decay = 0}, kPapers};
  for (std::uint64_t seed = 100; seed < 106; ++seed) {
    const std::vector<float> first = train(seed, kinds[seed % 3], 1, 600);
    for (unsigned threads = 1; threads <= 7; ++threads) {
      check(same_bits(train(seed, kinds[seed % 3], threads, 600), first),
            "layout " + std::to_string(seed) + ": " + std::to_string(threads) + " threads");
    }
  }
}

void used_from_several_threads_at_once() {
  const std::vector<float> first = train(200, kPapers, 3, 600);
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> users;
  for (auto& result : results) {
    users.emplace_back([&result] { result = train(200, kPapers, 3, 600); });
  }
  for (std::thread& user : users) user.join();
  for (const auto& result : results) check(same_bits(result, first), "tables of four threads side by side");
}

EmbeddingLayout one_table(std::uint64_t cardinality, std::uint32_t dim, float scale) {
  std::vector<Feature> features(1);
  features[0].name = "f";
  features[0].cardinality = cardinality;
  features[0].dim = dim;
  features[0].init_scale = scale;
  features[0].hashes.emplace_back(IdentityHash(cardinality));
  return EmbeddingLayout(std::move(features));
}

// Whatever comes between forwards and backwards, and whoever of the two counts: as a plain counter.
void counts_are_exact() {
  for (std::uint64_t seed = 300; seed < 307; ++seed) {
    Random random(seed);
    CpuEmbedding engine(random_layout(seed), {}, BadIndex::kError, seed, 7);
    const EmbeddingLayout& layout = engine.layout();
    std::vector<std::vector<std::uint32_t>> expected;
    for (const Feature& feature : layout.features) expected.emplace_back(feature.cardinality, 0);
    bool exact = true;
    for (int action = 0; action < 12; ++action) {
      // Some tables of these batches are split over threads.
      const Batch batch = random_batch(random, layout, action == 5 ? 3000 : random.below(300));
      std::vector<float> out(batch.size * layout.output_width), gradient(out.size(), 1e-3f);
      engine.forward(batch.view(), out.data(), true);
      for (std::size_t f = 0; f < layout.features.size(); ++f) {
        for_each_id(batch, f, [&](std::size_t, std::uint32_t i) { ++expected[f][batch.ids[i]]; });
      }
      if (random.below(3) > 0) engine.backward(gradient.data());
      if (random.below(3) == 0) engine.forward(batch.view(), out.data(), false);
      const std::size_t f = random.below(layout.features.size());
      if (random.below(3) == 0) exact = exact && counts_of(engine, f) == expected[f];
    }
    for (std::size_t f = 0; f < layout.features.size(); ++f) exact = exact && counts_of(engine, f) == expected[f];
    check(exact, "layout " + std::to_string(seed) + ": counts");
  }
}

// Rows and state of the first of `tables` tables that all get the same batch. One table alone is so much of its batch
// that its gradients are sorted, of one among many those of frequent rows are summed as they come.
std::vector<float> step_one_of(std::size_t tables, std::uint32_t width, std::size_t bags, std::size_t length,
                               std::uint64_t rows, Pooling pooling, bool weighted) {
  std::vector<Feature> features(tables);
  for (std::size_t f = 0; f < tables; ++f) {
    features[f].name = "f" + std::to_string(f);
    features[f].cardinality = rows + 5;
    features[f].dim = width;
    features[f].pooling = pooling;
    std::vector<std::uint16_t> entries(rows + 5);  // the last ids are pruned
    for (std::size_t id = 0; id < entries.size(); ++id) entries[id] = static_cast<std::uint16_t>(std::min(id, rows));
    features[f].hashes.push_back(TableHash::make(rows, 16, reinterpret_cast<const std::uint8_t*>(entries.data()),
                                                 2 * entries.size(), entries.size(), "a test"));
  }
  CpuEmbedding engine(EmbeddingLayout(std::move(features)), {}, BadIndex::kError, 1, 2);
  Batch batch;
  batch.size = bags;
  std::vector<float> out(bags * tables * width), gradient(out.size());
  for (std::size_t f = 0; f < tables; ++f) {
    Random random(width);
    for (std::size_t i = 0; i < bags * length; ++i) {
      const double u = random.uniform();
      batch.ids.push_back(static_cast<std::uint32_t>(u * u * u * u * static_cast<double>(rows + 5)));
      if (weighted) batch.weights.push_back(random.uniform());
      if ((i + 1) % length == 0) batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
    }
    for (std::size_t i = 0; i < bags * width; ++i) {
      gradient[i / width * tables * width + f * width + i % width] = random.below(3) == 0 ? -0.0f : random.uniform();
    }
  }
  engine.forward(batch.view(), out.data(), true);
  engine.backward(gradient.data());
  std::vector<float> left(rows * (width + 1));
  engine.read_values(0, 0, rows, left.data());
  engine.read_state(0, 0, rows, left.data() + rows * width);
  return left;
}

void frequent_rows_have_the_bits_of_sorted_ones() {
  const auto check_case = [](const char* what, auto... shape) {
    check(same_bits(step_one_of(1, shape...), step_one_of(5, shape...)), what);
  };
  check_case("all rows frequent", 64, 2048, 20, 300, Pooling::kSum, false);
  check_case("some rows frequent", 64, 2048, 20, 5000, Pooling::kSum, false);
  check_case("weighted", 64, 2048, 20, 5000, Pooling::kSum, true);
  check_case("means, two blocks of columns", 70, 2048, 20, 5000, Pooling::kMean, false);
  check_case("narrow rows", 5, 27'000, 5, 9000, Pooling::kSum, false);
}

// Tasks of more ids than are translated at once, 600 bags each; whole numbers, whose sums are exact in any order.
void tasks_of_several_windows() {
  constexpr std::size_t kBags = 9600, kWidth = 3, kIds = 10, kRows = 9;  // the last id is pruned
  std::uint8_t entries[kIds];
  for (std::size_t id = 0; id < kIds; ++id) entries[id] = static_cast<std::uint8_t>(id);
  std::vector<Feature> features(1);
  features[0].name = "f";
  features[0].cardinality = kIds;
  features[0].dim = kWidth;
  features[0].hashes.push_back(TableHash::make(kRows, 8, entries, kIds, kIds, "a test"));
  CpuEmbedding engine(EmbeddingLayout(std::move(features)), {}, BadIndex::kError, 1, 1);
  std::vector<float> values(kRows * kWidth);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  engine.write_values(0, 0, kRows, values.data());
  Random random(7);
  Batch batch;
  batch.size = kBags;
  std::vector<float> out(kBags * kWidth), expected(out.size());
  for (std::size_t bag = 0; bag < kBags; ++bag) {
    for (std::size_t length = 54 + random.below(12); length > 0; --length) {  // some bags of 65, which are long
      batch.ids.push_back(static_cast<std::uint32_t>(random.below(kIds)));
      for (std::size_t j = 0; j < kWidth && batch.ids.back() < kRows; ++j) {
        expected[bag * kWidth + j] += values[batch.ids.back() * kWidth + j];
      }
    }
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  engine.forward(batch.view(), out.data(), true);
  check(out == expected, "tasks of several windows");
}

// `combined`: by forward, as the tables of two features are one; otherwise by backward.
void counts_saturate(bool combined) {
  std::vector<Feature> features(combined ? 2 : 1);
  for (std::size_t f = 0; f < features.size(); ++f) {
    features[f].name = "f" + std::to_string(f);
    features[f].table_names = {"rows"};
    features[f].cardinality = 4;
    features[f].dim = 1;
    features[f].hashes.emplace_back(IdentityHash(4));
  }
  CpuEmbedding engine(EmbeddingLayout(std::move(features)), {}, BadIndex::kError, 1, 2);
  Batch batch;
  batch.ids = {2, 2, 2, 1};
  batch.offsets = {0, 3, 4};
  batch.size = 2;
  if (combined) batch.offsets.insert(batch.offsets.end(), 2, 4);
  float out[4] = {}, gradient[4] = {};
  const auto step = [&](bool backward) {
    engine.forward(batch.view(), out, true);
    if (backward) engine.backward(gradient);
    return counts_of(engine, 0);
  };
  using Counts = std::vector<std::uint32_t>;
  check(step(false) == Counts{0, 1, 3, 0}, "counts are exact");
  engine.write_counts(0, 0, 4, Counts{0, 1, ~0u - 2, 7}.data());
  check(step(true) == Counts{0, 2, ~0u, 7}, "counts stop at 2^32 - 1");
  check(step(false) == Counts{0, 3, ~0u, 7}, "and stay there");
  check(step(true) == Counts{0, 4, ~0u, 7}, "however they are counted");
}

template <typename Body>
std::string code_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code;
  }
  return "none";
}

void refused_batches() {
  CpuEmbedding engine(one_table(10, 3, 1), {}, BadIndex::kError, 1, 2);
  const std::vector<float> before(engine.table(0, 0).weights.as<float>(), engine.table(0, 0).weights.as<float>() + 30);
  std::vector<float> out(6, 7.0f);
  const auto forward = [&](std::vector<std::int64_t> ids, std::vector<std::uint32_t> offsets) {
    const BagBatch batch{IntegerType::kI64, ids.data(), ids.size(), IntegerType::kU32, offsets.data(), 2};
    return code_of([&] { engine.forward(batch, out.data(), true); });
  };
  check(forward({1, 10}, {0, 1, 2}) == "INVALID_INDEX", "the cardinality is no id");
  check(forward({-1, 3}, {0, 1, 2}) == "INVALID_INDEX", "-1 is no id");
  check(forward({std::int64_t{1} << 40, 3}, {0, 1, 2}) == "INVALID_INDEX", "2^40 is no id");
  check(forward({1, 2}, {0, 2, 1}) == "INVALID_OFFSETS", "offsets may not decrease");
  check(forward({1, 2}, {0, 3, 3}) == "INVALID_OFFSETS", "offsets may not overrun");
  check(forward({1, 2}, {1, 1, 2}) == "INVALID_OFFSETS", "offsets start at 0");
  check(forward({1, 2}, {0, 1, 1}) == "INVALID_OFFSETS", "offsets end at the number of indices");
  check(out == std::vector<float>(6, 7.0f), "nothing was written");
  check(std::equal(before.begin(), before.end(), engine.table(0, 0).weights.as<float>()), "nothing was updated");
  check(counts_of(engine, 0) == std::vector<std::uint32_t>(10, 0), "or counted");
  check(code_of([&] { engine.backward(out.data()); }) == "NO_FORWARD", "or kept");
  check(forward({1, 9}, {0, 1, 2}) == "none", "a good batch still works");

  EmbeddingLayout layout = random_layout(1);
  Feature wide = std::move(layout.features[0]);
  wide.pooling = Pooling::kNone;
  wide.sequence_length = 1 << 16;
  std::vector<Feature> features;
  features.push_back(std::move(wide));
  CpuEmbedding sequences(EmbeddingLayout(std::move(features)), {}, BadIndex::kError, 1, 1);
  const std::vector<std::uint32_t> many((std::size_t{1} << 16) + 2, 0);
  const BagBatch huge{IntegerType::kU32, nullptr, 0, IntegerType::kU32, many.data(), many.size() - 1};
  check(code_of([&] { sequences.forward(huge, nullptr, true); }) == "INVALID_ARGUMENT", "more than 2^32 positions");
}

void huge_tables() {
  check(code_of([] { CpuEmbedding(one_table(kMostRows, 65536, 1), {}, BadIndex::kError, 1, 1); }) == "OUT_OF_MEMORY",
        "almost 2^50 bytes are refused");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // 2^26 rows x 33: past 2^31 elements. Scale 0 touches only the pages in use. Sanitizers would need shadow memory.
  const std::uint64_t rows = 1ull << 26;
  if (available_memory() < rows * 33 * 5) return;
  const OptimizerSettings sgd{embedding_optimizers::Sgd{}, 1};
  CpuEmbedding engine(one_table(rows, 33, 0), sgd, BadIndex::kError, 1, 2);
  Batch batch;
  batch.ids = {0, static_cast<std::uint32_t>((1ull << 31) / 33), static_cast<std::uint32_t>(rows - 1)};
  batch.offsets = {0, 1, 2, 3};
  batch.size = 3;
  std::vector<float> out(99), gradient(99), expected(99);
  for (int i = 0; i < 99; ++i) gradient[i] = -static_cast<float>(i), expected[i] = static_cast<float>(i);
  engine.forward(batch.view(), out.data(), true);
  engine.backward(gradient.data());
  engine.forward(batch.view(), out.data(), false);
  check(out == expected, "rows past 2^31 elements");
#endif
}

}  // namespace

int main() {
  for (std::uint64_t seed = 0; seed < 40; ++seed) step_against_reference(seed);
  same_bits_for_any_threads();
  used_from_several_threads_at_once();
  counts_are_exact();
  frequent_rows_have_the_bits_of_sorted_ones();
  tasks_of_several_windows();
  counts_saturate(false);
  counts_saturate(true);
  refused_batches();
  huge_tables();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
