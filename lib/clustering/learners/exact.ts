/**
 * Exact weighted k-means in one dimension: the public face of native/cpu/clustering/optimal_bins.h, and the yardstick of every 1-D
 * learner. Values and weights are copied at the call; the work runs on a native thread of its own.
 */

import { CollideError, checkCallbacks, checkInteger, checkOneOf, checkOptions, describe } from '../../errors.ts';
import { type JobOptions, type Progress, runJob } from '../../job.ts';
import { native } from '../../native.ts';
import { optionNames } from '../../option_names.ts';
import type { Learner } from '../learner.ts';
import { asDoubles, type Counts, MOST_IDS } from '../types.ts';
import { type IdWeight, type KMeansMethod, WEIGHT } from './k_means.ts';

const ALL_OPTIONS = optionNames<OptimalBinsOptions>({ rows: true, search: true, signal: true, onProgress: true });

/** Progress of {@link optimalBins}. */
export interface OptimalBinsProgress extends Progress {
  /** Bins at hand. */
  bins: number;
}

/** Options of {@link optimalBins}. */
export interface OptimalBinsOptions extends Pick<JobOptions<OptimalBinsProgress>, 'signal' | 'onProgress'> {
  /** Bins. As many as values or more: every value has its own. */
  rows: number;
  /**
   * 'layers': dynamic programming, O(rows * N log N) time and 4 * rows * N bytes. 'lagrangian': a search for the price of a
   * bin, about 20 passes of O(N log N). Both are exact; 'auto' (default) takes the first for small problems.
   */
  search?: 'auto' | 'layers' | 'lagrangian';
}

/** What {@link optimalBins} yields. */
export interface OptimalBins {
  /** min(options.rows, values). */
  rows: number;
  /** Bin of each value, ascending with it, every bin used. */
  assignment: Uint32Array;
  /** Weighted squared distances to the bins' weighted means, summed: no partition into as many parts has less. */
  cost: number;
}

/**
 * The partition of weighted values into `rows` bins with the least weighted squared error.
 *
 * @param values - finite
 * @param weights - finite, 0 or more, one per value; see {@link idWeights} for access counts
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED, OUT_OF_MEMORY; always by rejecting the promise
 * @example
 * ```ts
 * const { cost } = await optimalBins(Float64Array.of(0, 1, 5, 6), Float64Array.of(1, 1, 1, 1), { rows: 2 }); // 1
 * ```
 */
export async function optimalBins(
  values: Float32Array | Float64Array,
  weights: Float64Array,
  options: OptimalBinsOptions,
): Promise<OptimalBins> {
  if (!(values instanceof Float32Array || values instanceof Float64Array) || values.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Float32Array or Float64Array of at least one value for optimalBins, received ${describe(values)}`,
    );
  }
  if (!(weights instanceof Float64Array) || weights.length !== values.length) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Float64Array of length ${values.length} for weights of optimalBins, received ${describe(weights)}`,
    );
  }
  checkOptions(options, ALL_OPTIONS, 'optimalBins');
  const rows = Math.min(checkInteger(options.rows, 1, MOST_IDS, 'rows of optimalBins'), values.length);
  const search = checkOneOf(options.search ?? 'auto', ['auto', 'layers', 'lagrangian'], 'search of optimalBins');
  checkCallbacks(options.signal, options.onProgress);
  const result = await runJob(
    (report) => native().optimalBins(asDoubles(values), weights, { rows, search, threads: 1 }, report),
    options,
    (share, bins): OptimalBinsProgress => ({ step: 'cutting bins', share, bins }),
  );
  return { rows, ...result };
}

/** What ids weigh by their access counts, as k-means weighs them. */
export function idWeights(counts: Counts, weight: IdWeight = 'count'): Float64Array {
  if (!(counts instanceof Uint32Array || counts instanceof Float64Array)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array or Float64Array of counts for idWeights, received ${describe(counts)}`,
    );
  }
  WEIGHT.check(weight, 'weight of idWeights');
  const weights = new Float64Array(counts.length).fill(1);
  if (weight === 'uniform') return weights;
  for (let id = 0; id < weights.length; id++) {
    weights[id] = weight === 'count' ? counts[id]! + 0.3 : Math.sqrt(counts[id]! + 0.3);
  }
  return weights;
}

/** {@link optimalBins} as a learner. */
export const exact: Learner<Pick<KMeansMethod, 'weight'>, 'exact'> = {
  name: 'exact',
  options: { weight: WEIGHT },
  devices: ['cpu'],
  dimensions: 'one',
  cuts1D: true,
  async learn({ vectors, counts }, { clusters, weight, signal, onProgress }) {
    return optimalBins(asDoubles(vectors), idWeights(counts, weight), { rows: clusters, signal, onProgress });
  },
};
