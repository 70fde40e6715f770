// bench/harness: the workload has the distribution it claims, and the limits do the work they claim, for any prefetch
// and number of threads. (A limit that skipped rows would flatter nobody; one that did more would flatter us.)
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/support/memory.h"

// The sources themselves: their helpers have no header.
#include "../../bench/harness/machine_limits.cc"
#include "../../bench/harness/workload.cc"

namespace {

using namespace collide::bench;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

void permutations() {
  for (std::uint64_t n : {1, 2, 3, 5, 16, 17, 1000, 4097, 65536}) {
    const collide::bench::Permutation permutation(n, 7 * n);
    std::vector<int> hits(n);
    for (std::uint64_t x = 0; x < n; ++x) {
      const std::uint64_t y = permutation(x);
      if (y < n) ++hits[y];
    }
    check(std::all_of(hits.begin(), hits.end(), [](int h) { return h == 1; }), "permutation of " + std::to_string(n));
  }
}

// Pearson's statistic of 200,000 draws against exact probabilities, the ranks beyond 50 in one class.
void zipf() {
  for (std::uint64_t n : {1, 2, 40, 3000}) {
    for (double exponent : {0.5, 1.05, 2.0}) {
      const Zipf draw(n, exponent);
      const std::size_t classes = std::min<std::size_t>(n, 51), draws = 200'000;
      std::vector<double> expected(classes), seen(classes);
      double total = 0;
      for (std::uint64_t k = 1; k <= n; ++k) total += std::pow(k, -exponent);
      for (std::uint64_t k = 1; k <= n; ++k) {
        expected[std::min<std::size_t>(k, classes) - 1] += std::pow(k, -exponent) / total * draws;
      }
      std::uint64_t state = n;
      bool inside = true;
      for (std::size_t i = 0; i < draws; ++i) {
        const std::uint64_t k =
            draw([&] { return static_cast<double>((state = collide::mix64(state)) >> 11) * 0x1p-53; });
        inside = inside && k >= 1 && k <= n;
        ++seen[std::min<std::size_t>(k, classes) - 1];
      }
      double statistic = 0;
      for (std::size_t c = 0; c < classes; ++c) statistic += std::pow(seen[c] - expected[c], 2) / expected[c];
      // Mean classes - 1, standard deviation sqrt(2 (classes - 1)); the seed is fixed.
      const double freedom = static_cast<double>(classes - 1);
      check(inside && statistic <= freedom + 4 * std::sqrt(2 * freedom) + 1e-9,
            "zipf of " + std::to_string(n) + " with exponent " + std::to_string(exponent));
    }
  }
}

Shape small_shape() {
  Shape shape;
  shape.tables = 5;
  shape.batch = 7;
  shape.pooling = 3;
  shape.batches = 2;
  shape.least = 10;
  shape.most = 1000;
  return shape;
}

void workloads() {
  check(batches_for(100) == 64 && batches_for(1 << 20) == 8 && batches_for(1 << 22) == 4, "batches that take turns");
  const Workload one(small_shape()), two(small_shape());
  check(one.ids == two.ids && one.heights == two.heights, "the same shape gives the same workload");
  check(one.ids[0] != one.ids[1], "batches differ");
  bool inside = one.offsets.size() == 36 && one.offsets.back() == 105;
  for (std::size_t t = 0; t < 5; ++t) {
    inside = inside && one.heights[t] >= 10 && one.heights[t] <= 1000;
    for (std::size_t i = 0; i < 21; ++i) inside = inside && one.ids[1][t * 21 + i] < one.heights[t];
  }
  check(inside, "heights and ids are in range");

  const std::string path =
      std::string(std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp") + "/bench_harness_test." +
      std::to_string(std::hash<std::string>()(std::to_string(reinterpret_cast<std::uintptr_t>(&one))));
  one.write(path);
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint32_t> words(5 + 5 + 2 * 105), wanted = {5, 7, 3, 64, 2};
  file.read(reinterpret_cast<char*>(words.data()), static_cast<std::streamsize>(words.size() * 4));
  for (std::uint64_t height : one.heights) wanted.push_back(static_cast<std::uint32_t>(height));
  for (const auto& ids : one.ids) wanted.insert(wanted.end(), ids.begin(), ids.end());
  check(file && words == wanted && file.peek() == EOF, "the file holds the workload");
  std::remove(path.c_str());
  try {
    one.write("/nowhere/at/all");
    check(false, "a file that cannot be written fails");
  } catch (const collide::Error& error) {
    check(error.code == "FILE_ERROR", "a file that cannot be written fails");
  }
}

// Small whole numbers: float32 sums of them are exact in any order.
float element(std::size_t table, std::size_t index) {
  return static_cast<float>((index * 7 + table) % 16);
}

// Tables of 0 to 300 listed rows (more and fewer than any prefetch distance), against plain loops.
void limits() {
  for (std::size_t width : {16, 64}) {
    const std::size_t tables = 4, rows = 400;
    const std::vector<std::size_t> listed = {300, 0, 3, 90};
    std::vector<collide::Memory> held;
    std::vector<TableMemory> memory;
    RowList list{{}, {0}};
    for (std::size_t t = 0; t < tables; ++t) {
      held.emplace_back(rows * width * sizeof(float), "weights");
      held.emplace_back(rows * sizeof(float), "state");
      memory.push_back({held[2 * t].as<float>(), held[2 * t + 1].as<float>()});
      for (std::size_t i = 0; i < rows * width; ++i) memory[t].weights[i] = element(t, i);
      for (std::size_t i = 0; i < listed[t]; ++i) list.rows.push_back(static_cast<std::uint32_t>((i * 7 + t) % rows));
      list.starts.push_back(list.rows.size());
    }
    double total = 0;
    for (std::size_t t = 0; t < tables; ++t) {
      for (std::size_t i = list.starts[t]; i < list.starts[t + 1]; ++i) {
        for (std::size_t j = 0; j < width; ++j)
          total += static_cast<double>(memory[t].weights[list.rows[i] * width + j]);
      }
    }
    float amount = 0;
    for (const Prefetch& prefetch : prefetches()) {
      for (unsigned threads : {1u, 2u, 3u}) {
        const std::string what =
            "width " + std::to_string(width) + ", " + prefetch.text() + ", threads " + std::to_string(threads);
        check(gather(memory, width, list, prefetch, threads) == total, "gather, " + what);
        update(memory, width, list, 1, prefetch, threads);
        total += static_cast<double>(list.rows.size() * width);
        amount += 1;
      }
    }
    bool right = true;
    for (std::size_t t = 0; t < tables; ++t) {
      std::vector<float> change(rows);
      for (std::size_t i = list.starts[t]; i < list.starts[t + 1]; ++i) change[list.rows[i]] = amount;
      for (std::size_t row = 0; row < rows; ++row) {
        right = right && memory[t].state[row] == change[row];
        for (std::size_t j = 0; j < width; ++j) {
          const float wanted = element(t, row * width + j) + change[row];
          right = right && memory[t].weights[row * width + j] == wanted;
        }
      }
    }
    check(right, "update changes the listed rows and no others, width " + std::to_string(width));
  }
}

void streams() {
  std::vector<float> from(4 * 64 * 3), to(from.size());
  double total = 0;
  for (std::size_t i = 0; i < from.size(); ++i) total += from[i] = static_cast<float>(i % 97);
  for (unsigned threads : {1u, 2u, 3u}) {
    std::fill(to.begin(), to.end(), 0.0f);
    stream_copy(reinterpret_cast<char*>(to.data()), reinterpret_cast<const char*>(from.data()),
                from.size() * sizeof(float), threads);
    check(to == from, "stream copy, threads " + std::to_string(threads));
    check(stream_read(from.data(), from.size(), threads) == total, "stream read, threads " + std::to_string(threads));
  }
}

}  // namespace

int main() {
  permutations();
  zipf();
  workloads();
  limits();
  streams();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
