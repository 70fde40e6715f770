// A device that answers lookups from its own copy of the tables, while the CPU engine trains them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/embedding_layout.h"

namespace collide {

class LookupBackend {
 public:
  virtual ~LookupBackend() = default;

  // Replaces the device's copy of an internal table; weights is [rows, table_width].
  virtual void upload(std::size_t feature, std::size_t hash, const float* weights) = 0;

  // out: [batch, output_width], the bits that the CPU engine's forward gives. Every table must have been uploaded.
  // Throws Error INVALID_OFFSETS or INVALID_INDEX before anything is written to out.
  virtual void lookup(const BagBatch& batch, float* out) = 0;

  // Indices replaced since creation, because they were out of range.
  virtual std::uint64_t bad_indices() const = 0;
};

}  // namespace collide
