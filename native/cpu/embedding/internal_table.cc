#include "cpu/embedding/internal_table.h"

#include <algorithm>
#include <vector>

#include "core/support/error.h"
#include "core/support/random.h"
#include "cpu/embedding/row_codec.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {
constexpr std::size_t kRowsPerTask = 1 << 16;
}

void InternalTable::draw_values(float center, float scale, std::uint64_t seed, unsigned threads) {
  const bool zero = center == 0 && scale == 0;  // as fresh memory is
  const std::size_t chunks = zero ? 0 : (rows + kRowsPerTask - 1) / kRowsPerTask;
  parallel_for(chunks, threads, [&](std::size_t chunk) {
    std::vector<float> values(width);
    const std::size_t end = std::min<std::size_t>(rows, (chunk + 1) * kRowsPerTask);
    for (std::size_t r = chunk * kRowsPerTask; r < end; ++r) {
      for (std::size_t j = 0; j < width; ++j) {
        values[j] = center + scale * (2 * uniform01(seed, r * width + j) - 1);
      }
      encode_rows(precision, values.data(), 1, width, row(static_cast<std::uint32_t>(r)));
    }
  });
}

void InternalTable::read_values(std::uint64_t first, std::size_t count, float* out) const {
  decode_rows(precision, row(static_cast<std::uint32_t>(first)), count, width, out);
}

void InternalTable::check_values(std::uint64_t first, std::size_t count, const float* values) const {
  const std::size_t bad = first_unrepresentable(precision, values, count, width);
  if (bad == count * width) return;
  fail("INVALID_ARGUMENT", "Expected values that the table's precision can hold, received ", values[bad], " for row ",
       first + bad / width, ", column ", bad % width);
}

void InternalTable::write_values(std::uint64_t first, std::size_t count, const float* values) {
  check_values(first, count, values);
  encode_rows(precision, values, count, width, row(static_cast<std::uint32_t>(first)));
}

void InternalTable::read_rows(std::uint64_t first, std::size_t count, std::uint8_t* out) const {
  std::copy_n(row(static_cast<std::uint32_t>(first)), count * bytes_per_row, out);
}

void InternalTable::write_rows(std::uint64_t first, std::size_t count, const std::uint8_t* values) {
  std::copy_n(values, count * bytes_per_row, row(static_cast<std::uint32_t>(first)));
}

void InternalTable::read_state(std::uint64_t first, std::size_t count, float* out) const {
  for (std::uint64_t row = first; row < first + count; ++row, out += state_per_row) {
    std::copy_n(state_of(row), state_per_row, out);
  }
}

void InternalTable::write_state(std::uint64_t first, std::size_t count, const float* values) {
  for (std::uint64_t row = first; row < first + count; ++row, values += state_per_row) {
    std::copy_n(values, state_per_row, state_of(row));
  }
}

}  // namespace collide
