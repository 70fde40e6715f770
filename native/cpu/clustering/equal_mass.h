// Equal-mass bins: ids in the order of one key, cut into rows of equal mass. bin(i) = floor((M_i - w_i / 2) / M *
// bins), w the mass, M_i its running sum, M the total; equal keys go by mix64(id).
//
// Every row is used when there are ids enough: from one id to the next the bin grows by at most 1, and at least as fast
// as the bins left over need. With a_k the larger of the formula and of what is needed, both ascending, the bin at
// place k is k + min over j <= k of (a_j - j), or k itself if that is less: a scan, so blocks of places can work apart.
//
// Deterministic, the same bits for any number of threads (id_mass.h). O(n) after the sort; 44 bytes per id above the
// inputs. native/cuda/clustering/equal_mass.cu does the same in the same steps.
#pragma once

#include <cstdint>
#include <vector>

#include "core/clustering/learner_control.h"
#include "cpu/clustering/id_mass.h"

namespace collide {

// The mass of each id, what the CPU and the CUDA bins start from: keys and counts as below. Throws as below.
std::vector<double> bin_masses(const std::vector<double>& keys, std::vector<double> counts, std::uint64_t bins,
                               MassOf mass, unsigned threads);

// keys [n] finite, counts [n] whole numbers with a sum below 2^53, n from 1 to 2^32 - 1; both are consumed. Returns the
// bin of each id, 0 .. min(bins, n) - 1, every one used. Counts all 0: every id weighs 1. Throws Error INVALID_ARGUMENT
// naming the first bad element.
std::vector<std::uint32_t> equal_mass_bins(std::vector<double> keys, std::vector<double> counts, std::uint64_t bins,
                                           MassOf mass, const LearnerControl& control = {});

}  // namespace collide
