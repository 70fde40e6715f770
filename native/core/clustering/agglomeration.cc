#include "core/clustering/agglomeration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/clustering/access_counts.h"
#include "core/support/error.h"

namespace collide {

namespace {

void check_input(const std::vector<double>& values, const std::vector<double>& counts) {
  if (values.empty()) fail("INVALID_ARGUMENT", "Expected at least one id for values, received none");
  if (values.size() > std::numeric_limits<std::uint32_t>::max()) {
    fail("INVALID_ARGUMENT", "Expected fewer than 2^32 ids for values, received ", values.size());
  }
  if (values.size() != counts.size()) {
    fail("INVALID_ARGUMENT", "Expected counts of the same length as values (", values.size(), "), received length ",
         counts.size());
  }
  const auto bad = std::find_if_not(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  if (bad != values.end()) {
    fail("INVALID_ARGUMENT", "Expected finite numbers for values, received ", *bad, " at index ", bad - values.begin());
  }
  check_counts(counts.data(), counts.size());
}

void check_options(const AgglomerateOptions& options) {
  if (options.rows < 1) fail("INVALID_ARGUMENT", "Expected rows >= 1, received ", options.rows);
  if (options.merges_per_round < 1) {
    fail("INVALID_ARGUMENT", "Expected mergesPerRound >= 1, received ", options.merges_per_round);
  }
  if (options.filters.empty()) fail("INVALID_ARGUMENT", "Expected at least one filter, received none");
  for (std::size_t i = 0; i < options.filters.size(); ++i) {
    if (!(options.filters[i].keep > 0)) {
      fail("INVALID_ARGUMENT", "Expected keep > 0 for filters[", i, "], received ", options.filters[i].keep);
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (options.filters[j].by == options.filters[i].by) {
        fail("INVALID_ARGUMENT", "Expected each filter once, but filters[", i, "] repeats filters[", j, "]");
      }
    }
  }
}

}  // namespace

void check_agglomeration(const std::vector<double>& values, const std::vector<double>& counts,
                         const AgglomerateOptions& options) {
  check_input(values, counts);
  check_options(options);
  const std::uint64_t ids = values.size(), limit = options.max_cluster_size;
  if (options.strict_size && (limit == 0 || (ids + limit - 1) / limit > options.rows)) {
    fail("INVALID_ARGUMENT", "Expected maxClusterSize of at least ", (ids + options.rows - 1) / options.rows, " for ",
         ids, " ids in ", options.rows, " rows with strictSize, received ", limit);
  }
}

FilterBy final_ranking(const std::vector<ClusterFilter>& filters) {
  FilterBy last = FilterBy::kSize;
  for (const ClusterFilter& filter : filters) {
    if (filter.by != FilterBy::kSize) last = filter.by;
  }
  return last;
}

bool limits_size(const AgglomerateOptions& options) {
  return options.max_cluster_size > 0 &&
         std::any_of(options.filters.begin(), options.filters.end(),
                     [](const ClusterFilter& filter) { return filter.by == FilterBy::kSize; });
}

std::size_t pairs_to_keep(const ClusterFilter& filter, std::uint64_t merges, std::size_t candidates) {
  const double wanted = std::max(1.0, std::floor(filter.keep * static_cast<double>(merges)));
  return static_cast<std::size_t>(std::min(wanted, static_cast<double>(candidates)));
}

void label_ids(const std::uint32_t* ids, std::size_t n, Clustering& result) {
  result.assignment.resize(n);
  std::size_t next = 0;
  for (std::size_t label = 0; label < result.sizes.size(); ++label) {
    for (std::uint32_t left = result.sizes[label]; left > 0; --left) {
      result.assignment[ids[next++]] = static_cast<std::uint32_t>(label);
    }
  }
}

}  // namespace collide
