// First values of a head's layers that let it learn. A ReLU layer whose units all stay at 0 for every input passes
// nothing on and gets no gradient: it never learns. Of DLRM's initial layers that are 2 wide and last in the bottom of
// a net with one dense input, 14 % are dead like that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dense/head.h"

namespace collide {

// Normal numbers of the seed for every parameter, times the root of its tensor's variance; signs turned by enliven().
void first_values(const Head& head, std::uint64_t seed, float* values);

// Turns the sign of all weights and the bias of units where their ReLU layer would pass nothing on. The numbers being
// drawn symmetrically, that is as likely a draw. Layers that pass something on for every probe stay as they are, so
// nearly all that are wide do.
//
// The probes are 16 points of normal numbers with sizes from 1/8 to 16 and their opposites for the dense inputs; one
// probe without them. Embedding vectors start close to 0, so they count as 0. As long as more probes find a unit of the
// layer above 0 when one unit is turned, the first of those that do most for it is: in the end half of them or more do.
// In float64. Cost: 32 forward passes.
void enliven(const Head& head, float* values);

}  // namespace collide
