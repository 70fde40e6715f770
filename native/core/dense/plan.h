// Where an engine keeps what the ops of a head make, and how their gradients come together.
//
// Values that a concat joins are made side by side, so that it costs nothing; what cannot stand there, because it
// stands elsewhere, is copied. A ReLU behind a linear op is a part of it. The gradient of a value takes the value's own
// place where a linear op alone reads it; elsewhere it is added up from all readers, those last in the list first, and
// the last of them leaves 0 where a ReLU was off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/dense/head.h"

namespace collide {

// Features [first, first + size) of a region of an engine's memory.
struct Place {
  enum class In : std::uint8_t { kNowhere, kRegion, kBatch };  // kBatch: an array that comes with the batch
  In in = In::kNowhere;
  std::size_t region = 0, first = 0, size = 0;
  explicit operator bool() const { return in != In::kNowhere; }
  bool in_batch() const { return in == In::kBatch; }
};

// The gradient of an input, as an op's backward pass writes it.
struct GradientPlan {
  Place place;        // nowhere: it is not wanted
  bool add = false;   // to what is there, which otherwise is overwritten
  bool mask = false;  // then 0 where the input, a ReLU's output, is not above 0
};

struct NodePlan {
  bool runs = true;   // false: another op does its work, or there is none
  bool relu = false;  // of a linear op: with the ReLU behind it
  Place value, gradient;
  std::vector<Place> inputs;  // where the op finds them
  // Those that are not where their op leaves them: the op (concat, or dots of an engine that wants them side by side)
  // copies them to `inputs` first, and concat brings their gradients back.
  std::vector<bool> copied;
  std::vector<GradientPlan> gradients;           // of the inputs
  std::vector<Place> clear;                      // gradients to be set to 0 before its backward pass
  std::vector<std::pair<Place, Place>> masking;  // after it: gradients to be set to 0 where values are not above 0
};

struct Plan {
  std::vector<std::size_t> regions;  // features of each
  std::vector<NodePlan> nodes;       // of the head's nodes
};

// What an engine does with dense inputs and vectors: kLoaded, into a region each, with vectors and the first one in
// front of dots side by side in one, and the gradient of vectors that dots alone read written by them. Or kInBatch:
// both are read, and the gradient of vectors is written, where the batch has them.
enum class Inputs { kLoaded, kInBatch };

Plan plan_of(const Head& head, Inputs inputs);

}  // namespace collide
