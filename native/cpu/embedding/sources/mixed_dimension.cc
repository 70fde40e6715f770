// Mixed dimension embeddings (Ginart et al. 2019): a narrow row of the first table times a projection, the second
// table.
//
//   row r = sum over k of A[r][k] P[k],  A [rows, width], P [width, dim];  without P when width = dim: row r = A[r]
//   dA[r][k] = G[r] . P[k],  dP[k] = sum over the batch's rows of A[r][k] G[r]
//
// with G the summed gradient of each distinct row. Sums over rows: kFloatRun in float32, those in float64,
// kGradientPiece rows to a piece, as those of gradients (core/embedding/optimizer.h). Cost: 2 * width * dim operations
// a row, 4 back.
#include <algorithm>

#include "core/embedding/optimizer.h"
#include "core/support/error.h"
#include "core/support/multiversion.h"
#include "cpu/embedding/row_codec.h"
#include "cpu/embedding/sources/index.h"
#include "cpu/support/float8.h"
#include "cpu/support/thread_pool.h"

namespace collide {

namespace {

// out [n, dim] = narrow [n, width] times the projection.
COLLIDE_MULTIVERSION
void project(const float* narrow, const float* projection, std::size_t n, std::size_t width, std::size_t dim,
             float* out) {
  for_each_block<64>(
      dim, [&]<int kBlock>(std::size_t column) __attribute__((always_inline)) {
        constexpr int kCount = std::min(kBlock, 8), kVectors = kBlock / kCount;
        for (std::size_t i = 0; i < n; ++i) {
          Lanes<kCount> sum[kVectors] = {};
          for (std::size_t k = 0; k < width; ++k) {
            const float* row = projection + k * dim + column;
            for (int v = 0; v < kVectors; ++v) sum[v] += narrow[i * width + k] * load_lanes<kCount>(row + kCount * v);
          }
          for (int v = 0; v < kVectors; ++v) store_lanes<kCount>(out + i * dim + column + kCount * v, sum[v]);
        }
      });
}

// out [n, width]: the dot products of each gradient [n, dim] with each row of the projection.
COLLIDE_MULTIVERSION
void project_back(const float* gradient, const float* projection, std::size_t n, std::size_t width, std::size_t dim,
                  float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < width; ++k) {
      Float8 sum = {};
      for (std::size_t j = 0; j < dim; j += 8) {
        const std::size_t part = std::min<std::size_t>(8, dim - j);
        sum += load_floats(gradient + i * dim + j, part) * load_floats(projection + k * dim + j, part);
      }
      out[i * width + k] = sum8(sum);
    }
  }
}

// out [width, dim] = the sum of the outer products of n <= kFloatRun rows [n, width] and gradients [n, dim].
COLLIDE_MULTIVERSION
void outer_products(const float* narrow, const float* gradient, std::size_t n, std::size_t width, std::size_t dim,
                    float* out) {
  for_each_block<64>(
      dim, [&]<int kBlock>(std::size_t column) __attribute__((always_inline)) {
        constexpr int kCount = std::min(kBlock, 8), kVectors = kBlock / kCount;
        for (std::size_t k = 0; k < width; ++k) {
          Lanes<kCount> sum[kVectors] = {};
          for (std::size_t i = 0; i < n; ++i) {
            const float* row = gradient + i * dim + column;
            for (int v = 0; v < kVectors; ++v) sum[v] += narrow[i * width + k] * load_lanes<kCount>(row + kCount * v);
          }
          for (int v = 0; v < kVectors; ++v) store_lanes<kCount>(out + k * dim + column + kCount * v, sum[v]);
        }
      });
}

class MixedDimension final : public RowSource {
 public:
  explicit MixedDimension(RowSourceSettings given) : RowSource(std::move(given)) {
    const auto& [kind, rows, dim, tables, numbers] = settings();
    const bool projects = tables.size() == 2 && tables[1].rows == tables[0].width && tables[1].width == dim &&
                          tables[1].exact && tables[0].width < dim;
    const bool plain = tables.size() == 1 && tables[0].width == dim;
    if (!(projects || plain) || tables[0].rows != rows || !numbers.empty()) {
      fail("INVALID_ARGUMENT", "Expected tables [", rows, ", width] and exact [width, ", dim, "] for source ", kind,
           ", or one table when width is ", dim);
    }
  }

  void make(const SourceRows* tables, const std::uint32_t* rows, std::size_t n, float* out,
            unsigned threads) const override {
    const std::size_t dim = settings().dim, width = tables[0].width;
    for_each_run(n, threads, [&](std::size_t first, std::size_t count) {
      if (!projects()) return read(tables[0], rows + first, count, out + first * dim);
      std::vector<float> narrow(count * width);
      read(tables[0], rows + first, count, narrow.data());
      project(narrow.data(), projection(tables), count, width, dim, out + first * dim);
    });
  }

  void backward(const SourceRows* tables, const std::uint32_t* rows, std::size_t n, const float* gradient,
                SourceGradient* gradients, unsigned threads) const override {
    const std::size_t dim = settings().dim, width = tables[0].width;
    gradients[0].rows.assign(rows, rows + n);
    gradients[0].values.resize(n * width);
    if (!projects()) {
      std::copy_n(gradient, n * dim, gradients[0].values.data());
      return;
    }
    for_each_run(n, threads, [&](std::size_t first, std::size_t count) {
      project_back(gradient + first * dim, projection(tables), count, width, dim,
                   gradients[0].values.data() + first * width);
    });
    gradients[1].rows.clear();
    for (std::size_t k = 0; k < width && n > 0; ++k) gradients[1].rows.push_back(static_cast<std::uint32_t>(k));
    gradients[1].values.assign(gradients[1].rows.size() * dim, 0.0f);
    const std::size_t pieces = (n + kGradientPiece - 1) / kGradientPiece, size = width * dim;
    std::vector<double> sums(pieces * size);
    parallel_for(pieces, threads, [&](std::size_t p) {
      const std::size_t end = std::min(n, (p + 1) * kGradientPiece);
      std::vector<float> narrow(kFloatRun * width), part(size);
      for (std::size_t first = p * kGradientPiece; first < end; first += kFloatRun) {
        const std::size_t count = std::min(kFloatRun, end - first);
        read(tables[0], rows + first, count, narrow.data());
        outer_products(narrow.data(), gradient + first * dim, count, width, dim, part.data());
        for (std::size_t i = 0; i < size; ++i) sums[p * size + i] += part[i];
      }
    });
    for (std::size_t i = 0; i < gradients[1].values.size(); ++i) {
      double sum = 0;
      for (std::size_t p = 0; p < pieces; ++p) sum += sums[p * size + i];
      gradients[1].values[i] = static_cast<float>(sum);
    }
  }

 private:
  bool projects() const { return settings().tables.size() == 2; }
  static const float* projection(const SourceRows* tables) { return reinterpret_cast<const float*>(tables[1].data); }

  // body(first, count) for runs of rows 0 .. n - 1.
  template <typename Body>
  static void for_each_run(std::size_t n, unsigned threads, const Body& body) {
    constexpr std::size_t kRun = 256;
    parallel_for((n + kRun - 1) / kRun, threads,
                 [&](std::size_t run) { body(run * kRun, std::min(kRun, n - run * kRun)); });
  }

  static void read(const SourceRows& table, const std::uint32_t* rows, std::size_t n, float* out) {
    const std::size_t bytes = row_bytes(table.precision, table.width);
    for (std::size_t i = 0; i < n; ++i) {
      decode_rows(table.precision, table.data + rows[i] * bytes, 1, table.width, out + i * table.width);
    }
  }
};

}  // namespace

std::unique_ptr<RowSource> make_mixed_dimension(RowSourceSettings settings) {
  return std::make_unique<MixedDimension>(std::move(settings));
}

}  // namespace collide
