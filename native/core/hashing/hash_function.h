// A hash function (id -> row) of any kind, the same plain data on CPU and CUDA, with the memory that it reads.
// "Learning to Collide": a learned hash is a TableHash; the other kinds are the baselines and building blocks that it
// is compared and combined with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "core/hashing/kinds.h"
#include "core/support/memory.h"

namespace collide {

struct HashFunction {
  std::uint64_t rows;  // rows of the internal table, 1 to kMostRows: every result but kPruned is below it
  AnyHash kind;        // reads `mapping`
  Memory mapping;

  // Of a kind that needs no memory, and of one with it.
  template <typename Kind>
  HashFunction(const Kind& kind) : HashFunction(kind.rows(), kind, {}) {}
  template <typename Kind>
  HashFunction(Made<Kind> made) : HashFunction(made.kind.rows(), made.kind, std::move(made.mapping)) {}

  // By the name of its kind. Throws Error INVALID_ARGUMENT.
  static HashFunction read(const std::string& kind, const HashParts& parts);

  HashFunction copy() const;

  bool is_identity() const { return kind.is<IdentityHash>(); }

  // What is expected of it for a feature of so many ids, or null where it fits.
  const char* misfit(std::uint64_t cardinality) const;

  // out[i] = row of ids[i], for ids below the cardinality (the caller has checked). `out` does not overlap `ids`.
  void rows_of(const std::uint32_t* ids, std::size_t n, std::uint32_t* out) const;

  // Bytes the function itself needs when serving.
  std::size_t mapping_bytes() const;

 private:
  HashFunction(std::uint64_t rows, const AnyHash& kind, Memory memory)
      : rows(rows), kind(kind.reading(memory.as<void>())), mapping(std::move(memory)) {}
};

}  // namespace collide
