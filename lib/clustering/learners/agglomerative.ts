/**
 * Agglomerative clustering of ids by a 1-D teacher value, the method of "Learning to Collide": the public face of
 * native/cpu/clustering/agglomerate.h and its twin on CUDA. Values and counts are copied at the call; the work runs on a native
 * thread of its own.
 */

import { chooseDevice, type Device } from '../../device.ts';
import { CollideError, checkInteger, checkOneOf, checkOptions, describe } from '../../errors.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions, type Progress, runJob } from '../../job.ts';
import { native } from '../../native.ts';
import { optionNames } from '../../option_names.ts';
import { completeOptions, type Learner, MAX_CLUSTER_SIZE, switchOption, wholeOption } from '../learner.ts';
import { asDoubles, type Counts, checkCountsShape, MOST_IDS } from '../types.ts';

const FILTER_OPTIONS = optionNames<ClusterFilter>({ by: true, keep: true });

/** The scores by which neighbouring pairs of clusters are filtered. */
export type FilterName = 'frequency' | 'distance' | 'size';

/** One filter of a round. */
export interface ClusterFilter {
  by: FilterName;
  /** Keeps floor(keep * K) pairs, at least one. Default 2 for frequency, 1.5 for distance, 1 for size. */
  keep?: number;
}

/** Progress of one clustering. */
export interface ClusterProgress extends Progress {
  /** Rounds done. */
  round: number;
  /** Clusters left. */
  clusters: number;
}

export type MergedValue = 'mean' | 'count-weighted';

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
  mergedValue?: MergedValue;
}

/** Options of {@link agglomerate}. */
export interface AgglomerateOptions extends AgglomerateMethod, JobOptions<ClusterProgress> {
  /** Clusters to end with. As many as ids or more: every id is its own cluster. */
  rows: number;
  /**
   * Where it runs, with the same bits: `cpu` (default); `cuda`, which fails without a usable device; `auto`: CUDA when
   * the driver answers, otherwise the CPU and one warning that says why.
   */
  device?: Device;
}

/** What {@link agglomerate} yields. Labels ascend with value. */
export interface Clustering {
  /** Clusters: min(options.rows, ids). */
  rows: number;
  /** Cluster of each id, [ids]. */
  assignment: Uint32Array;
  /** Value of each cluster, ascending, [rows]. */
  values: Float64Array;
  /** Ids of each cluster, [rows]. */
  sizes: Uint32Array;
  /** Accesses of each cluster, [rows]. */
  counts: Float64Array;
  rounds: number;
  /** Rounds in which no pair fitted maxClusterSize, so that the smallest created sizes were merged instead. */
  fallbackRounds: number;
  /** Rounds in which a chain of pairs over maxClusterSize was cut into pairs. */
  splitRounds: number;
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

const OPTIONS: Learner<AgglomerateMethod>['options'] = {
  mergesPerRound: wholeOption(1, Number.MAX_SAFE_INTEGER, { help: 'K, the most pairs that merge in a round' }),
  maxClusterSize: MAX_CLUSTER_SIZE,
  strictSize: switchOption(
    'no cluster has more ids than --max-cluster-size, which is a soft limit otherwise; --unseen cluster keeps it in every row',
  ),
  filters: {
    help: 'filters of a round, in the order applied',
    default: FILTER_NAMES.map((by) => ({ by })),
    check: completeFilters,
  },
  mergedValue: {
    help: 'the value of merged clusters: count-weighted or mean',
    default: 'count-weighted',
    check: (value, where) => checkOneOf<MergedValue>(value, ['mean', 'count-weighted'], where),
  },
};

const STRICT_OBSTACLE = 'strictSize has no CUDA kernels';

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
  checkCountsShape(counts, values.length, 'counts of agglomerate');
  checkOptions(options, ['rows', 'device', ...Object.keys(OPTIONS), ...JOB_OPTIONS], 'agglomerate');
  const ids = values.length;
  const rows = Math.min(checkInteger(options.rows, 1, Number.MAX_SAFE_INTEGER, 'rows of agglomerate'), MOST_IDS);
  const own = completeOptions<AgglomerateMethod>(OPTIONS, options, 'agglomerate');
  const { mergesPerRound = Math.max(1, Math.ceil((ids - rows) / 100)), strictSize = false } = own;
  const device = chooseDevice(options.device ?? 'cpu', 'agglomerate', strictSize ? STRICT_OBSTACLE : undefined);
  const maxClusterSize = own.maxClusterSize === Number.POSITIVE_INFINITY ? 0 : (own.maxClusterSize ?? 0);
  if (strictSize) checkRoom(maxClusterSize, ids, rows, 'agglomerate');
  const threads = checkJobOptions(options, 'agglomerate');
  const method = own as typeof own & { filters: CompleteFilter[]; mergedValue: MergedValue };
  const settings = { ...method, rows, device, mergesPerRound, maxClusterSize, threads };
  // Elements, range and sum are checked by native code, off this thread.
  const result = await runJob(
    (report) => native().agglomerate(asDoubles(values), asDoubles(counts), settings, report),
    options,
    (round, clusters): ClusterProgress => ({
      step: 'merging clusters',
      share: ids > rows ? (ids - clusters) / (ids - rows) : 1,
      round,
      clusters,
    }),
  );
  return { rows: result.values.length, ...result };
}

/** @throws CollideError INVALID_ARGUMENT unless `rows` clusters of at most `most` ids (0: no limit) have room for all */
function checkRoom(most: number, ids: number, rows: number, where: string): void {
  if (most * rows >= ids && most > 0) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected maxClusterSize of at least ${Math.ceil(ids / rows)} for strictSize of ${where} (${ids} ids in ${rows} rows), received ${most === 0 ? 'none' : most}`,
  );
}

type CompleteFilter = Required<ClusterFilter>;

function completeFilters(filters: unknown, where: string): CompleteFilter[] {
  if (!Array.isArray(filters) || filters.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected an array of at least one filter such as { by: "distance" } for ${where}, received ${describe(filters)}`,
    );
  }
  return filters.map((filter, i) => {
    const name = where.replace('filters', `filters[${i}]`);
    checkOptions(filter, FILTER_OPTIONS, name);
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

/** {@link agglomerate} as a learner. Its default limit of ids to a cluster is 4 * ceil(ids / clusters). */
export const agglomerative: Learner<AgglomerateMethod, 'agglomerative'> = {
  name: 'agglomerative',
  options: OPTIONS,
  shorthands: {
    frequency: {
      help: 'counts for none, weighting, filter or weighting-and-filter (default)',
      choices: FREQUENCY_ABLATIONS,
    },
  },
  devices: ['cpu', 'cuda'],
  cudaObstacle: ({ strictSize }) => (strictSize === true ? STRICT_OBSTACLE : undefined),
  dimensions: 'one',
  cuts1D: true,
  async learn({ vectors, counts }, { clusters, seed: _, ...options }) {
    const { maxClusterSize = 4 * Math.ceil(counts.length / clusters) } = options;
    const found = await agglomerate(vectors, counts, { ...options, maxClusterSize, rows: clusters });
    return { ...found, maxClusterSize };
  },
};
