// What the addon sees of the CUDA equal-mass bins: no CUDA header in it, so that g++ compiles its users.
#pragma once

#include <cstdint>
#include <vector>

namespace collide::cuda {

// As cpu/clustering/equal_mass.h, on CUDA device 0, with the same bits. keys and masses [n] are checked: bin_masses()
// of cpu/clustering/equal_mass.h. Throws Error OUT_OF_MEMORY or CUDA_FAILED.
std::vector<std::uint32_t> equal_mass_bins(const std::vector<double>& keys, const std::vector<double>& masses,
                                           std::uint64_t bins);

}  // namespace collide::cuda
