#include "cpu/round_tables.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "cpu/row_codec.h"

namespace collide {

namespace {

constexpr std::size_t kFloatsAtOnce = 1 << 16;

void round_table(const TableShape& shape, const InternalTable& from, InternalTable& to) {
  const std::size_t rows_at_once = std::max<std::size_t>(1, kFloatsAtOnce / from.width);
  std::vector<float> values(std::min<std::size_t>(rows_at_once, from.rows) * from.width);
  for (std::uint64_t first = 0; first < from.rows; first += rows_at_once) {
    const std::size_t count = std::min<std::uint64_t>(rows_at_once, from.rows - first);
    const auto row = static_cast<std::uint32_t>(first);
    decode_rows(from.precision, from.row(row), count, from.width, values.data());
    const std::size_t bad = first_unrepresentable(to.precision, values.data(), count, to.width);
    if (bad < count * to.width) {
      fail("INVALID_ARGUMENT", "Expected values that the precision can hold in table \"", shape.name, "\", received ",
           values[bad], " for row ", first + bad / to.width, ", column ", bad % to.width);
    }
    encode_rows(to.precision, values.data(), count, to.width, to.row(row));
  }
}

}  // namespace

CpuEmbedding round_tables(CpuEmbedding& source, Precision precision) {
  std::vector<Feature> features;
  for (const Feature& feature : source.layout().features) {
    features.push_back(feature.copy());
    features.back().precision = precision;
    features.back().init_scale = 0;
  }
  OptimizerSettings none;
  none.kind = OptimizerKind::kSgd;
  CpuEmbedding rounded(EmbeddingLayout(std::move(features)), none, source.bad_index(), 0, source.threads(), false);
  for (std::size_t t = 0; t < source.layout().tables.size(); ++t) {
    round_table(source.layout().tables[t], source.table(t), rounded.table(t));
  }
  return rounded;
}

}  // namespace collide
