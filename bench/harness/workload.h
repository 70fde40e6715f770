// What is measured: tables of log-uniform heights and batches of Zipf ids. The same shape gives the same heights and
// ids on every machine with the same math library; a peer in another process reads them from a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace collide::bench {

struct Shape {
  std::size_t tables = 26;
  std::size_t batch = 2048;  // bags per table
  std::size_t pooling = 1;   // ids per bag
  std::size_t width = 64;    // floats per row
  std::size_t batches = 0;   // different batches that take turns; 0: enough that no cache learns them
  std::size_t least = 10'000, most = 2'000'000;  // rows of the smallest and the tallest table
  std::size_t shrink = 10;                       // rows of a compressed table: height / shrink
  double exponent = 1.05;                        // P(the k-th most frequent id) is proportional to k^-exponent
  std::uint64_t seed = 1;

  std::size_t ids_per_table() const { return batch * pooling; }
  std::size_t ids() const { return tables * ids_per_table(); }
};

struct Workload {
  Shape shape;
  std::vector<std::uint64_t> heights;           // [tables], in no order
  std::vector<std::vector<std::uint32_t>> ids;  // [batches] of [tables * batch * pooling], table by table
  std::vector<std::uint32_t> offsets;           // [tables * batch + 1], the same for every batch

  // The frequent ids lie anywhere in a table: rank -> id is a pseudo-random permutation.
  explicit Workload(Shape given);
  // u32: tables, batch, pooling, width, batches, then heights, then ids. Throws Error FILE_ERROR.
  void write(const std::string& path) const;
};

// The value that every peer gives to element `index` of table `table` before anything is timed: in [-0.5, 0.5).
inline float initial_weight(std::size_t table, std::size_t index) {
  const auto mixed = static_cast<std::uint32_t>(index) * 2654435761u + static_cast<std::uint32_t>(table) * 40503u;
  return static_cast<float>(mixed >> 16) * 0x1p-16f - 0.5f;
}

}  // namespace collide::bench
