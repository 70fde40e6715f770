#include "cpu/clustering/hilbert.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/clustering/teacher_rows.h"
#include "core/support/error.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

constexpr unsigned kMostDimensions = 26, kKeyBits = 52;
constexpr std::size_t kChunk = 1 << 13;  // ids of a task

// Bits of a corner, one per dimension, turned round by 0 <= by <= bits.
std::uint32_t rotate_right(std::uint32_t corner, unsigned by, unsigned bits, std::uint32_t mask) {
  return (corner >> by | corner << (bits - by)) & mask;
}
std::uint32_t rotate_left(std::uint32_t corner, unsigned by, unsigned bits, std::uint32_t mask) {
  return rotate_right(corner, bits - by, bits, mask);
}

std::uint32_t gray(std::uint32_t k) {
  return k ^ k >> 1;
}
std::uint32_t inverse_gray(std::uint32_t code) {
  for (unsigned shift = 1; shift < 32; shift *= 2) code ^= code >> shift;
  return code;
}

// Level by level: which corner of the cube at hand the cell is in, and the corner and direction in which the curve
// enters that corner's cube.
std::uint64_t place_of(const std::uint32_t* cell, unsigned dim, unsigned bits) {
  const std::uint32_t mask = (std::uint32_t{1} << dim) - 1;
  std::uint32_t entry = 0;
  unsigned direction = 0;
  std::uint64_t place = 0;
  for (unsigned level = bits; level-- > 0;) {
    std::uint32_t corner = 0;
    for (unsigned d = 0; d < dim; ++d) corner |= (cell[d] >> level & 1) << d;
    const unsigned turn = (direction + 1) % dim;
    const std::uint32_t step = inverse_gray(rotate_right(corner ^ entry, turn, dim, mask));
    place = place << dim | step;
    if (step == 0) {
      direction = turn;
      continue;
    }
    entry ^= rotate_left(gray((step - 1) & ~std::uint32_t{1}), turn, dim, mask);
    const std::uint32_t odd = step & 1 ? step : step - 1;
    direction = (direction + static_cast<unsigned>(std::countr_one(odd)) + 1) % dim;
  }
  return place;
}

}  // namespace

std::vector<double> hilbert_keys(const std::vector<float>& rows, std::size_t dim, const LearnerControl& control) {
  if (dim < 1 || dim > kMostDimensions) {
    fail("NOT_SUPPORTED", "Expected 1 to 26 dimensions for a Hilbert curve, received ", dim);
  }
  const std::size_t n = rows.size() / dim, chunks = (n + kChunk - 1) / kChunk;
  check_teacher_rows(rows, dim, n);
  const auto aborted = [&] { return control.aborted && control.aborted(); };
  std::array<double, kMostDimensions> lowest, highest;
  lowest.fill(std::numeric_limits<double>::infinity());
  highest.fill(-std::numeric_limits<double>::infinity());
  for (std::size_t id = 0; id < n; ++id) {
    if (id % kChunk == 0 && aborted()) return {};
    for (std::size_t d = 0; d < dim; ++d) {
      const double value = rows[id * dim + d];
      lowest[d] = std::min(lowest[d], value), highest[d] = std::max(highest[d], value);
    }
  }
  double edge = 0;
  for (std::size_t d = 0; d < dim; ++d) edge = std::max(edge, highest[d] - lowest[d]);
  const auto width = static_cast<unsigned>(dim);
  const unsigned bits = std::min(kMostDimensions, kKeyBits / width);
  const double cells = std::ldexp(1.0, static_cast<int>(bits));
  const double scale = edge > 0 ? cells / edge : 0;
  std::vector<double> keys(n);
  parallel_for(chunks, control.threads, [&](std::size_t chunk) {
    if (aborted()) return;
    std::array<std::uint32_t, kMostDimensions> cell;
    for (std::size_t id = chunk * kChunk; id < std::min(n, (chunk + 1) * kChunk); ++id) {
      for (std::size_t d = 0; d < dim; ++d) {
        const double at = std::floor((rows[id * dim + d] - lowest[d]) * scale);
        cell[d] = static_cast<std::uint32_t>(std::min(cells - 1, at));
      }
      keys[id] = static_cast<double>(place_of(cell.data(), width, bits));
    }
  });
  return keys;
}

}  // namespace collide
