// A storage of rows beside the internal tables that hash functions address: a source makes the rows of a feature from
// tables of its own shape (narrow rows and a projection, the cores of a tensor train ...).
//
// The engine does everything else, for every source alike. It translates ids to rows 0 .. rows() - 1 by the feature's
// hash function, asks for each distinct row of a batch once, pools, and hands back one summed gradient for each. It
// keeps the source's tables, so that they are read, written, saved and counted as all tables are, and it steps their
// rows by the optimizer. A source only computes: it has no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/embedding/precision.h"

namespace collide {

// One of the tables that a source makes rows from.
struct SourceTable {
  std::string part;  // behind "<table name>/"; the first table has none, and the feature's own table name
  std::uint64_t rows = 0;
  std::uint32_t width = 0;
  bool exact = false;                     // float32, whatever the feature's precision
  float init_center = 0, init_scale = 0;  // initial values are uniform in [center - scale, center + scale)

  // Initial values may differ: a shared source has those of the first feature that names it.
  bool operator==(const SourceTable& other) const {
    return part == other.part && rows == other.rows && width == other.width && exact == other.exact;
  }
};

// What a source is made from, as lib/embedding/sources says it.
struct RowSourceSettings {
  std::string kind;
  std::uint64_t rows = 0;                 // of the source, 1 to 2^32 - 1
  std::uint32_t dim = 0;                  // of a row
  std::vector<SourceTable> tables;        // at least one
  std::map<std::string, double> numbers;  // options of the kind

  bool operator==(const RowSourceSettings&) const = default;
};

// A source's table as it is now: [rows, bytes of a row of this precision and width] (core/embedding/precision.h).
struct SourceRows {
  const std::uint8_t* data;
  std::uint64_t rows;
  std::uint32_t width;
  Precision precision;
};

// Gradients of rows of a source's table: values is [rows.size(), table width]. A row may be there more than once: the
// engine sums its gradients, in this order.
struct SourceGradient {
  std::vector<std::uint32_t> rows;
  std::vector<float> values;
};

class RowSource {
 public:
  explicit RowSource(RowSourceSettings settings) : settings_(std::move(settings)) {}
  virtual ~RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  // Both are called on the caller's thread, may use so many (0: all), and give the same bits for any number of them.
  // `rows` are n distinct ones in ascending order; tables has one entry for each of settings().tables.

  // out [n, dim] = the rows.
  virtual void make(const SourceRows* tables, const std::uint32_t* rows, std::size_t n, float* out,
                    unsigned threads) const = 0;
  // gradient [n, dim] of those rows, one sum each, to the gradients of the rows of the tables they are made from.
  // `gradients` has one entry for each table, of any content: assigns all. The tables are those of `make`.
  virtual void backward(const SourceRows* tables, const std::uint32_t* rows, std::size_t n, const float* gradient,
                        SourceGradient* gradients, unsigned threads) const = 0;

  const RowSourceSettings& settings() const { return settings_; }

 private:
  RowSourceSettings settings_;
};

}  // namespace collide
