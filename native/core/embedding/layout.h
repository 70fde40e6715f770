// What a set of embedding tables looks like: features, their hash functions and internal tables, and where each writes
// into the output. Both backends read this one description.
//
// A feature with H hash functions looks an id up in H internal tables. combine sum: each is [rows, dim] and the H rows
// add up; multiply: each is [rows, dim] and they are multiplied element by element; concat: each is [rows, dim / H] and
// they stand side by side. An internal table is known by its name, which is the feature's (feature/0, feature/1 ... for
// H > 1) unless the feature gives another: features that name the same table share its rows. Pooling none writes
// sequence_length positions of dim columns per bag, zero padded.
//
// A feature may train by other hash functions than those that serve it, over the same internal tables: one list for all
// folds of the examples, or one list a fold. A batch to train is of one fold.
//
// The rows of a feature may come from a source instead (core/embedding/row_source.h): its one hash function gives rows
// of the source, whose tables stand among the internal tables. Features that name the same table share the source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/embedding/precision.h"
#include "core/embedding/row_source.h"
#include "core/hashing/hash_function.h"

namespace collide {

enum class Pooling : std::uint8_t { kSum, kMean, kNone };
// Longer bags are summed in pieces of this many ids, the pieces' sums in float64: a long float32 sum would lose
// exactness. One rule for CPU and CUDA.
inline constexpr std::uint32_t kLongBag = 64;

enum class Combine : std::uint8_t { kSum, kConcat, kMultiply };

// Which hash functions a batch is looked up by: those that serve, or those that train a fold of the examples.
struct HashView {
  bool training = false;
  std::size_t fold = 0;
};

struct Feature {
  std::string name;
  std::uint64_t cardinality = 0;
  std::uint32_t dim = 0;
  Pooling pooling = Pooling::kSum;
  std::uint32_t sequence_length = 1;
  Combine combine = Combine::kSum;
  Precision precision = Precision::kFloat32;
  std::vector<HashFunction> hashes;
  // [1 or folds][as many as hashes]; empty: `hashes` train, too.
  std::vector<std::vector<HashFunction>> training_hashes;
  std::vector<std::string> table_names;     // of each hash function's internal table; empty: named after the feature
  float init_scale = 0;                     // initial values are uniform in [-init_scale, init_scale)
  std::shared_ptr<const RowSource> source;  // makes the rows; null: each hash function has an internal table
  std::vector<std::size_t> tables;          // of each hash function, or of the source; filled in by EmbeddingLayout

  // O(1).
  const std::vector<HashFunction>& hashes_of(HashView view) const {
    if (!view.training || training_hashes.empty()) return hashes;
    return training_hashes[training_hashes.size() == 1 ? 0 : view.fold];
  }
  std::uint32_t table_width() const {
    return combine == Combine::kConcat ? dim / static_cast<std::uint32_t>(hashes.size()) : dim;
  }
  std::uint32_t output_width() const { return dim * sequence_length; }
  // For serving: without the training hashes.
  Feature copy() const;
};

struct TableShape {
  std::string name;
  std::uint64_t rows = 0;
  std::uint32_t width = 0;
  Precision precision = Precision::kFloat32;
  bool factor = false;                    // its rows are multiplied
  float init_center = 0, init_scale = 0;  // uniform in [center - scale, center + scale)
  std::string of_source;                  // kind and part of the source that makes rows from it; empty: it has rows
};

// A source and the features whose rows it makes.
struct SourceUse {
  const RowSource* source;
  std::vector<std::size_t> features;
};

struct EmbeddingLayout {
  std::vector<Feature> features;
  std::vector<TableShape> tables;
  std::vector<SourceUse> sources;
  std::vector<std::size_t> output_offset;  // first output column of each feature
  std::size_t output_width = 0;
  std::size_t folds = 1;  // of the training hashes

  // Throws Error INVALID_ARGUMENT naming the feature and what is wrong with it.
  explicit EmbeddingLayout(std::vector<Feature> list);

  void drop_training_hashes();

 private:
  void check_training(const Feature& feature);
  TableShape hashed_table(const Feature& feature, std::size_t hash) const;
  std::size_t table_of(const Feature& feature, TableShape shape);
  void use_source(std::size_t feature);
};

enum class IntegerType : std::uint8_t { kU32, kI32, kI64 };

// One batch of bags, feature after feature. Feature f has batch bags, or batch_sizes[f] when those are given. Bag b of
// a feature whose first bag is the n-th of all holds indices[offsets[n + b] .. offsets[n + b + 1]].
struct BagBatch {
  IntegerType index_type = IntegerType::kU32;
  const void* indices = nullptr;
  std::size_t index_count = 0;
  IntegerType offset_type = IntegerType::kU32;
  const void* offsets = nullptr;  // [bags of all features + 1]
  std::size_t batch = 0;
  const std::uint32_t* batch_sizes = nullptr;  // [features], or null: every feature has `batch` bags
  const float* weights = nullptr;              // one per index, or null
  std::size_t fold = 0;                        // of all its examples; of use to train only
};

// A feature's bags in a batch, and its place in the output: position p of bag b begins at
// out[base + b * stride + p * dim]. With one batch size for all the output is [batch, output_width], otherwise one
// [bags, feature's output width] block after the other.
struct FeatureBags {
  std::size_t first_bag, bags, base, stride;
};

std::vector<FeatureBags> feature_bags(const EmbeddingLayout& layout, const BagBatch& batch);

// Floats of the output.
std::size_t output_size(const EmbeddingLayout& layout, const std::vector<FeatureBags>& bags);

}  // namespace collide
