// One kd-tree on the device, level by level: all parts of a level are halved at once. The device's part of
// cpu/clustering/kd_tree.h, with the same bits: masses are whole numbers, whose sums are exact in any order, and
// variances are summed as cpu/clustering/weighted_moments.h does, eight threads being its eight lanes.
//
// Each axis is sorted once. The columns (values, masses, ids) stand in the order of axis 0 within each part, and each
// further axis has a list of the places in its order. A level (dim > 1): two kernels of moments, from which each part's
// widest axis follows; a scan of the masses in that axis' order, in which each part looks for its cut; marks of the ids
// below it; stable partitions of the columns and then of the lists, each by a scan. 16 launches, whatever the number of
// parts, that move about 70 dim + 60 bytes per id, and while parts are large a sector for each of dim + 1 words that
// are gathered or scattered. Of one dimension there is nothing to choose or move: a level is a look for cuts in the one
// scan. 21 dim + 30 bytes of device memory per id, up to 32 dim + 80 per row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/support/device_memory.cuh"

namespace collide::cuda {

// Places from `start` to where the next part starts share the rows from `first_row` to the next part's.
struct KdPart {
  std::uint32_t start, first_row;
  std::int64_t mass;
};

// [n] in the order of axis 0 within each part; values [dim, n].
struct KdColumns {
  float* values;
  double* masses;
  std::uint32_t* ids;
  std::uint32_t* lists;  // [dim - 1, n] places in the order of axes 1, 2, ...
};

class KdTreeLevels {
 public:
  // points [n * dim], masses [n] whole numbers with a sum below 2^53; 1 <= rows <= n.
  KdTreeLevels(const std::vector<float>& points, std::size_t dim, const std::vector<double>& masses,
               std::uint32_t rows);

  // Halves every part; one that has a single row left goes on as the upper half of itself.
  void split();
  // The row of each id, once no part has more than one.
  std::vector<std::uint32_t> rows() const;

 private:
  struct Buffers {
    DeviceArray<float> values;
    DeviceArray<double> masses;
    DeviceArray<std::uint32_t> ids, lists;
    void reserve(std::size_t n, std::size_t dim);
    KdColumns arrays() const { return {values.data(), masses.data(), ids.data(), lists.data()}; }
  };

  void sort_axes(const std::vector<float>& points, const std::vector<double>& masses);
  void choose_axes();
  void scan_masses();
  void count_low(std::size_t count);  // lows_ from low_
  void move();

  const std::size_t n_, dim_;
  std::uint64_t parts_ = 1;
  Stream stream_;
  Scratch scratch_;
  Buffers now_, next_;
  DeviceArray<KdPart> parts_now_, parts_next_;  // [parts + 1], the last one empty
  DeviceArray<std::uint32_t> part_of_, axes_;   // [n] the part of a place, [parts] the axis along which it is cut
  DeviceArray<double> sums_, squares_;          // [dim, chunks] of the chunks that parts are cut into for moments
  DeviceArray<std::int64_t> running_;           // [n] sums of masses along the chosen axes
  DeviceArray<std::uint32_t> targets_;          // [n] where a place goes
  // Of the columns [n], then of the lists [dim - 1, n]: whether a position goes to the lower half, and how many before.
  DeviceArray<std::uint8_t> low_;
  DeviceArray<std::uint32_t> lows_;
};

}  // namespace collide::cuda
