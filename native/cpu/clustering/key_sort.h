// The common first step of the learners that cut an order of ids: a stable radix sort of (key, id), least significant
// digit first, 11 bits a pass.
//
// Only the 33 highest bits that differ are radix sorted, in three passes; runs that are equal in them are then sorted
// by the whole key, long ones by radix again. Deterministic: the order is unique, so the same for any number of
// threads. O(n); 16 bytes per id, twice. On a GPU: one radix sort of 64-bit keys with 32-bit payloads (8 passes of 8
// bits that read and write 24 bytes per id each), then one pass over runs of equal keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/support/memory.h"

namespace collide {

struct KeyedId {
  std::uint64_t key;
  std::uint32_t id;
};

// A bijection from doubles to integers that keeps their order; -0 becomes +0 before. Not for NaN.
std::uint64_t key_of(double value);
double value_of(std::uint64_t key);

// Which of two ids with equal keys comes first: the smaller, or the one whose mix64 is smaller. The latter is an order
// without meaning, so that ids no teacher has seen spread over the rows and do not gather by age.
enum class Ties { kById, kByMix };

// `n` items in a buffer of their own, with a second one for the passes.
class KeyedIds {
 public:
  // The second buffer has `spare_bytes` per item, for whatever comes after the sort: take_spare().
  explicit KeyedIds(std::size_t n, std::size_t spare_bytes = sizeof(KeyedId));
  KeyedId* begin() const { return items_.as<KeyedId>(); }
  KeyedId& operator[](std::size_t k) const { return begin()[k]; }
  std::size_t size() const { return n_; }

  // Items {key_of(values[id]), id}, values [n].
  void fill(const std::vector<double>& values, unsigned threads);
  // Sorts by (key, ties); ids must ascend before. `aborted` (may be empty) is polled between passes; false once it was
  // true: the items are then in no order.
  bool sort(Ties ties, unsigned threads, const std::function<bool()>& aborted);
  Memory take_spare() { return std::move(spare_); }

 private:
  std::size_t n_;
  Memory items_, spare_;
};

}  // namespace collide
