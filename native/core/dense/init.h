// First values of a dense net's layers that let it learn. A ReLU layer whose units all stay at 0 for every input passes
// nothing on and gets no gradient: it never learns. Of DLRM's initial layers that are 2 wide and last in the bottom of
// a net with one dense input, 14 % are dead like that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace collide {

struct DenseShape;

// values[from .. from + count) = normal numbers from - (from + count - 1) of the seed, times the root of `variance`.
void draw_normal(std::uint64_t seed, std::size_t from, std::size_t count, double variance, float* values);

// Turns the sign of all weights and the bias of units where their layer would pass nothing on. The numbers being drawn
// symmetrically, that is as likely a draw. Layers that pass something on for every probe stay as they are, so nearly
// all that are wide do.
//
// The probes are 16 points of normal numbers with sizes from 1/8 to 16 and their opposites; without dense inputs, the
// constant vector. Embedding vectors start close to 0, so the dots count as 0. As long as more probes find a unit of
// the layer above 0 when one unit is turned, the first of those that do most for it is: in the end half of them or more
// do. The last top layer is linear and needs nothing. In float64. Cost: 32 forward passes.
void enliven(const std::vector<DenseShape>& bottom, const std::vector<DenseShape>& top, std::size_t dim, float* values);

}  // namespace collide
