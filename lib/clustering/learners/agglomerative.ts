/**
 * Agglomerative clustering of ids by a 1-D teacher value, the method of "Learning to Collide": the public face of
 * native/cpu/clustering/agglomerate.h and its twin on CUDA. Values and counts are copied at the call; the work runs on a native
 * thread of its own.
 */
import { chooseDevice, type Device } from '../../device.ts';
import { CollideError, checkInteger, checkOneOf, checkOptions, describe } from '../../errors.ts';
import { type NativeAgglomerateOptions, type NativeClustering, native } from '../../native.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions, runJob } from '../job.ts';
import { asDoubles, type Counts, MOST_IDS } from '../types.ts';

/** The scores by which neighbouring pairs of clusters are filtered. */
export type FilterName = 'frequency' | 'distance' | 'size';

/** One filter of a round. */
export interface ClusterFilter {
  by: FilterName;
  /** Keeps floor(keep * K) pairs, at least one. Default 2 for frequency, 1.5 for distance, 1 for size. */
  keep?: number;
}

/** Progress of one clustering: rounds done and clusters left. */
export interface ClusterProgress {
  round: number;
  clusters: number;
}

/** The knobs of the method itself, without the target. */
export interface AgglomerateMethod {
  /** K, the most pairs that merge in one round. Default max(1, ceil((ids - rows) / 100)). */
  mergesPerRound?: number;
  /**
   * size_max, in ids. Default Infinity. Kept by the size filter alone, and exceeded in fallback rounds, when no pair of
   * a round fits; but see {@link strictSize}.
   */
  maxClusterSize?: number;
  /**
   * Whether maxClusterSize is kept by every cluster. Pairs merge only where all that is left can still become `rows` clusters
   * within it, so maxClusterSize * rows must be at least the number of ids. It has no CUDA kernels: refused for device
   * 'cuda', done on the CPU for 'auto'. Default false, as in the paper.
   */
  strictSize?: boolean;
  /** In the order applied, each at most once, at least one. Default frequency, distance, size. */
  filters?: ClusterFilter[];
  /** The value of merged clusters: their count-weighted mean (default) or plain mean (Eq. 4). */
  mergedValue?: 'mean' | 'count-weighted';
  /**
   * Where it runs, with the same bits: `cpu` (default); `cuda`, which fails without a usable device; `auto`: CUDA when
   * the driver answers, otherwise the CPU and one warning that says why.
   */
  device?: Device;
}

/** Options of {@link agglomerate}. */
export interface AgglomerateOptions extends AgglomerateMethod, JobOptions<ClusterProgress> {
  /** Clusters to end with. As many as ids or more: every id is its own cluster. */
  rows: number;
}

/** What {@link agglomerate} yields. Labels ascend with value. */
export interface Clustering extends NativeClustering {
  /** Clusters: min(options.rows, ids). */
  rows: number;
}

const DEFAULT_KEEP: Record<FilterName, number> = { frequency: 2, distance: 1.5, size: 1 };
const FILTER_NAMES = Object.keys(DEFAULT_KEEP) as FilterName[];

const BLIND: ClusterFilter[] = [{ by: 'distance' }, { by: 'size' }];
const WITH_FREQUENCY: ClusterFilter[] = [{ by: 'frequency' }, ...BLIND];

/**
 * How "Learning to Collide" may use access counts, its four ablations, as options to spread: for the values of merged
 * clusters (weighting), for the choice of pairs (filter), for both (the default) or not at all.
 *
 * @example
 * ```ts
 * await agglomerate(values, counts, { rows: 1000, ...FREQUENCY_ABLATIONS.filter });
 * ```
 */
export const FREQUENCY_ABLATIONS = {
  none: { filters: BLIND, mergedValue: 'mean' },
  weighting: { filters: BLIND, mergedValue: 'count-weighted' },
  'weighting-and-filter': { filters: WITH_FREQUENCY, mergedValue: 'count-weighted' },
  filter: { filters: WITH_FREQUENCY, mergedValue: 'mean' },
} as const satisfies Record<string, AgglomerateMethod>;

/** Why strict limits are kept on the CPU. */
export const STRICT_OBSTACLE = 'strictSize has no CUDA kernels';

/** The option names of {@link AgglomerateMethod}, for checks of options that contain them. */
export const METHOD_OPTIONS = [
  'mergesPerRound',
  'maxClusterSize',
  'strictSize',
  'filters',
  'mergedValue',
  'device',
] as const;

/**
 * Clusters ids by a 1-D value: clusters that are neighbours in value order merge, round by round, until `rows` are left.
 *
 * A round takes all neighbouring pairs and applies the filters in order: `frequency` keeps the pairs that are accessed
 * least (product of normalized counts, Eq. 3), `distance` the nearest (Eq. 1), `size` those that make a cluster of at
 * most maxClusterSize ids (Eq. 2; if none does, the smallest). Up to K = mergesPerRound pairs are left, and merge;
 * neighbouring ones merge as one chain, or in pairs when the chain would exceed maxClusterSize. Ties go by position, so
 * equal input gives equal bits. With strictSize a pair merges only where every cluster can still keep to maxClusterSize, one
 * after the other in the order of their rank. "Learning to Collide" (Ghaemmaghami et al. 2022), the algorithm for clustering
 * categorical ids; its default K and size_max are unpublished, ours are chosen.
 *
 * @param values - finite, [ids]; worked in float64
 * @param counts - accesses per id, whole numbers with a sum below 2^53, [ids]
 * @throws CollideError INVALID_ARGUMENT (bad values, counts or options, with the index), UNKNOWN_OPTION (misspelt),
 * CUDA_UNAVAILABLE (device 'cuda' without one), CUDA_FAILED, ABORTED, OUT_OF_MEMORY; always by rejecting the promise
 * @example
 * ```ts
 * const { assignment } = await agglomerate(Float32Array.of(0, 1, 3, 6, 10), Uint32Array.of(1, 1, 1, 1, 1), { rows: 4 });
 * // Uint32Array [0, 0, 1, 2, 3]
 * ```
 */
export async function agglomerate(
  values: Float32Array | Float64Array,
  counts: Counts,
  options: AgglomerateOptions,
): Promise<Clustering> {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Float32Array or Float64Array for values of agglomerate, received ${describe(values)}`,
    );
  }
  if (!(counts instanceof Uint32Array || counts instanceof Float64Array) || counts.length !== values.length) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array or Float64Array of length ${values.length} (one count per value) for counts of agglomerate, received ${describe(counts)}`,
    );
  }
  checkOptions(options, ['rows', ...METHOD_OPTIONS, ...JOB_OPTIONS], 'agglomerate');
  const rows = Math.min(checkInteger(options.rows, 1, Number.MAX_SAFE_INTEGER, 'rows of agglomerate'), MOST_IDS);
  const method = completeMethod(options, values.length, rows, 'agglomerate');
  if (method.strictSize) checkRoom(method.maxClusterSize, values.length, rows, 'agglomerate');
  const threads = checkJobOptions(options, 'agglomerate');
  // Elements, range and sum are checked by native code, off this thread.
  const result = await runJob(
    (report) => native().agglomerate(asDoubles(values), asDoubles(counts), { rows, threads, ...method }, report),
    options,
    (round, clusters) => ({ round, clusters }),
  );
  return { rows: result.values.length, ...result };
}

/**
 * Checks the method's options and fills in the defaults, in the form that native code takes.
 *
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION or CUDA_UNAVAILABLE
 */
export function completeMethod(
  options: AgglomerateMethod,
  ids: number,
  rows: number,
  where: string,
): Omit<NativeAgglomerateOptions, 'rows' | 'threads'> {
  const { strictSize = false } = options;
  if (typeof strictSize !== 'boolean') {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a boolean for strictSize of ${where}, received ${describe(strictSize)}`,
    );
  }
  const device = chooseDevice(options.device ?? 'cpu', where, strictSize ? STRICT_OBSTACLE : undefined);
  const { mergesPerRound = Math.max(1, Math.ceil((ids - rows) / 100)), maxClusterSize = Number.POSITIVE_INFINITY } =
    options;
  checkInteger(mergesPerRound, 1, Number.MAX_SAFE_INTEGER, `mergesPerRound of ${where}`);
  if (maxClusterSize !== Number.POSITIVE_INFINITY) {
    checkInteger(maxClusterSize, 1, Number.MAX_SAFE_INTEGER, `maxClusterSize of ${where}`);
  }
  return {
    device,
    mergesPerRound,
    strictSize,
    maxClusterSize: maxClusterSize === Number.POSITIVE_INFINITY ? 0 : maxClusterSize,
    filters: completeFilters(options.filters ?? FILTER_NAMES.map((by) => ({ by })), where),
    mergedValue: checkOneOf(
      options.mergedValue ?? 'count-weighted',
      ['mean', 'count-weighted'],
      `mergedValue of ${where}`,
    ),
  };
}

/** @throws CollideError INVALID_ARGUMENT unless `rows` clusters of at most `most` ids (0: no limit) have room for all */
export function checkRoom(most: number, ids: number, rows: number, where: string): void {
  if (most * rows >= ids && most > 0) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected maxClusterSize of at least ${Math.ceil(ids / rows)} for strictSize of ${where} (${ids} ids in ${rows} rows), received ${most === 0 ? 'none' : most}`,
  );
}

function completeFilters(filters: ClusterFilter[], where: string): { by: FilterName; keep: number }[] {
  if (!Array.isArray(filters) || filters.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected an array of at least one filter such as { by: "distance" } for filters of ${where}, received ${describe(filters)}`,
    );
  }
  return filters.map((filter, i) => {
    const name = `filters[${i}] of ${where}`;
    checkOptions(filter, ['by', 'keep'], name);
    const by = checkOneOf(filter.by, FILTER_NAMES, `by of ${name}`);
    const first = filters.findIndex((other) => other.by === by);
    if (first !== i) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected each filter once, but ${name} repeats filters[${first}]: "${by}"`,
      );
    }
    const keep = filter.keep ?? DEFAULT_KEEP[by];
    if (typeof keep !== 'number' || !Number.isFinite(keep) || keep <= 0) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected a number above 0 for keep of ${name}, received ${describe(keep)}`,
      );
    }
    return { by, keep };
  });
}
