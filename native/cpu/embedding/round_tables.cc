#include "cpu/embedding/round_tables.h"

#include <algorithm>
#include <vector>

#include "core/support/error.h"
#include "cpu/embedding/row_codec.h"

namespace collide {

namespace {

constexpr std::size_t kFloatsAtOnce = 1 << 16;

void round_table(const EmbeddingEngine& source, std::size_t t, InternalTable& to) {
  const std::size_t rows_at_once = std::max<std::size_t>(1, kFloatsAtOnce / to.width);
  std::vector<float> values(std::min<std::size_t>(rows_at_once, to.rows) * to.width);
  for (std::uint64_t first = 0; first < to.rows; first += rows_at_once) {
    const std::size_t count = std::min<std::uint64_t>(rows_at_once, to.rows - first);
    source.read_values(t, first, count, values.data());
    const std::size_t bad = first_unrepresentable(to.precision, values.data(), count, to.width);
    if (bad < count * to.width) {
      fail("INVALID_ARGUMENT", "Expected values that the precision can hold in table \"",
           source.layout().tables[t].name, "\", received ", values[bad], " for row ", first + bad / to.width,
           ", column ", bad % to.width);
    }
    encode_rows(to.precision, values.data(), count, to.width, to.row(static_cast<std::uint32_t>(first)));
  }
}

}  // namespace

std::unique_ptr<CpuEmbedding> round_tables(const EmbeddingEngine& source, Precision precision, unsigned threads) {
  std::vector<Feature> features;
  for (const Feature& feature : source.layout().features) {
    features.push_back(feature.copy());
    features.back().precision = precision;
    features.back().init_scale = 0;
  }
  const OptimizerSettings none{embedding_optimizers::Sgd{}, 0};  // has no state
  auto rounded =
      std::make_unique<CpuEmbedding>(EmbeddingLayout(std::move(features)), none, source.bad_index(), 0, threads, false);
  for (std::size_t t = 0; t < source.layout().tables.size(); ++t) {
    round_table(source, t, rounded->table(t));
  }
  return rounded;
}

}  // namespace collide
