#include "cpu/embedding/factors.h"

#include <algorithm>
#include <vector>

#include "cpu/embedding/row_codec.h"

namespace collide {

namespace {

// The rows of one id, one [width] per hash function, zeros for a pruned one.
class IdRows {
 public:
  explicit IdRows(const FactorTask& task)
      : task_(task), width_(task.feature->table_width()), values_(task.feature->hashes.size() * width_) {}

  const float* of(std::size_t hash) const { return values_.data() + hash * width_; }
  std::size_t width() const { return width_; }

  void read(std::uint32_t id) {
    for (std::size_t h = 0; h < task_.feature->hashes.size(); ++h) {
      float* values = values_.data() + h * width_;
      std::uint32_t row;
      task_.hashes[h].rows_of(&id, 1, &row);
      if (row == kPruned) {
        std::fill_n(values, width_, 0.0f);
      } else {
        decode_rows(task_.feature->precision, task_.tables[h]->row(row), 1, width_, values);
      }
    }
  }

 private:
  const FactorTask& task_;
  std::size_t width_;
  std::vector<float> values_;
};

// body(position of the id in the batch, its gradient, the share of its bag) for every id of bags [first, last).
template <typename Body>
void for_each_id(const FactorTask& task, std::size_t first, std::size_t last, const Body& body) {
  const bool positions = task.feature->pooling == Pooling::kNone, mean = task.feature->pooling == Pooling::kMean;
  for (std::size_t bag = first; bag < last; ++bag) {
    const std::uint32_t begin = task.offsets[bag], end = task.offsets[bag + 1];
    const float share = mean && end > begin ? 1.0f / static_cast<float>(end - begin) : 1.0f;
    for (std::uint32_t i = begin; i < end; ++i) {
      body(i, task.gradient + bag * task.stride + (positions ? (i - begin) * task.feature->dim : 0), share);
    }
  }
}

}  // namespace

void weight_gradients(const FactorTask& task, std::size_t first, std::size_t last, float* out) {
  IdRows rows(task);
  const std::size_t hashes = task.feature->hashes.size(), width = rows.width();
  for_each_id(task, first, last, [&](std::uint32_t i, const float* gradient, float share) {
    rows.read(task.ids[i]);
    double dot = 0;
    for (std::size_t j = 0; j < width; ++j) {
      if (task.feature->combine == Combine::kMultiply) {
        float product = rows.of(0)[j];
        for (std::size_t h = 1; h < hashes; ++h) product *= rows.of(h)[j];
        dot += static_cast<double>(gradient[j]) * product;
      } else {
        const std::size_t column = task.feature->combine == Combine::kConcat ? width : 0;
        for (std::size_t h = 0; h < hashes; ++h) dot += static_cast<double>(gradient[h * column + j]) * rows.of(h)[j];
      }
    }
    out[i] = static_cast<float>(dot * share);
  });
}

void factor_gradients(const FactorTask& task, std::size_t first, std::size_t last, float* const* out) {
  IdRows rows(task);
  const std::size_t hashes = task.feature->hashes.size(), width = rows.width();
  for_each_id(task, first, last, [&](std::uint32_t i, const float* gradient, float share) {
    rows.read(task.ids[i]);
    const float coefficient = task.weights == nullptr ? share : task.weights[i] * share;
    const std::size_t at = (i - task.offsets[0]) * width;
    for (std::size_t h = 0; h < hashes; ++h) {
      for (std::size_t j = 0; j < width; ++j) {
        float value = coefficient * gradient[j];
        for (std::size_t k = 0; k < hashes; ++k) {
          if (k != h) value *= rows.of(k)[j];
        }
        out[h][at + j] = value;
      }
    }
  });
}

}  // namespace collide
