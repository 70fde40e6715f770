/**
 * Locality-sensitive hashing of teacher rows: the public face of native/cpu/clustering/lsh.h, and the random directions that it
 * takes. Rows are copied at the call; the work runs on a native thread of its own.
 */
import { checkInteger, checkOptions, checkSeed } from '../../errors.ts';
import { mixedHasher } from '../../hashing/mix.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions, type Progress, runJob } from '../../job.ts';
import { native } from '../../native.ts';
import { completeOptions, type Learner, type LearnerInput, MAX_CLUSTER_SIZE, wholeOption } from '../learner.ts';
import { checkRowsShape, MOST_IDS } from '../types.ts';

/** The knobs of the method itself, without the target. */
export interface LshMethod {
  /** K, the directions whose cells make a bucket. Default min(dim, 4). */
  directions?: number;
  /** Most ids of a row; at least ids / rows. Default 4 * ceil(ids / rows). */
  maxClusterSize?: number;
}

/** Progress of {@link learnLsh}. */
export interface LshProgress extends Progress {
  /** Rows that the width at hand needs. */
  needed: number;
}

/** Options of {@link learnLsh}. */
export interface LshOptions extends LshMethod, JobOptions<LshProgress> {
  /** Rows to use. As many as ids or more: every id its own row. */
  rows: number;
  /** Of the random directions, 0 (default) to 2^64 - 1: other seeds give independent hash functions. */
  seed?: bigint;
}

/** What {@link learnLsh} yields. */
export interface LshClustering {
  /** min(options.rows, ids). */
  rows: number;
  /** Row of each id, every row used, [ids]. */
  assignment: Uint32Array;
  /** Width of the cells, found by bisection. */
  width: number;
  /** Distinct keys. */
  buckets: number;
  /** Buckets cut into several rows along one more direction. */
  splitBuckets: number;
}

const OPTIONS: Learner<LshMethod>['options'] = {
  directions: wholeOption(1, 64, { help: 'directions whose cells make a bucket' }),
  maxClusterSize: MAX_CLUSTER_SIZE,
};

/**
 * The directions a_j ~ N(0, I), [count * dim], and offsets b_j ~ U(0, 1), [count], of p-stable hash functions: a point t
 * is in cell floor(a_j . t / w + b_j). Box-Muller over the mixing hash: the same numbers on every machine.
 *
 * @example
 * ```ts
 * const { directions, offsets } = stableHashes(3, 2, 7n);
 * const cell = Math.floor((directions[0]! * x + directions[1]! * y) / width + offsets[0]!);
 * ```
 */
export function stableHashes(
  count: number,
  dim: number,
  seed: bigint,
): { directions: Float64Array; offsets: Float64Array } {
  checkInteger(count, 1, 2 ** 24, 'count of stableHashes');
  checkInteger(dim, 1, 4096, 'dim of stableHashes');
  const word = mixedHasher(checkSeed(seed, 'seed of learnLsh'), 2 ** 32);
  const uniform = (n: number) => (word(n) + 0.5) / 2 ** 32;
  const normal = (n: number) => Math.sqrt(-2 * Math.log(uniform(2 * n))) * Math.cos(2 * Math.PI * uniform(2 * n + 1));
  return {
    directions: Float64Array.from({ length: count * dim }, (_, k) => normal(k)),
    offsets: Float64Array.from({ length: count }, (_, j) => uniform(2 * count * dim + j)),
  };
}

/**
 * Rows by p-stable hashing (Datar et al. 2004): ids whose cells along K random directions are equal share a bucket; the
 * width of the cells is such that the buckets fill the rows. Buckets over maxClusterSize ids are cut along one more
 * direction, so that exactly min(rows, ids) rows are used. Access counts play no part.
 *
 * @param teacherRows - finite, [ids * dim]
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED, OUT_OF_MEMORY; always by rejecting the promise
 * @example
 * ```ts
 * const { assignment } = await learnLsh(teacherRows, 2, { rows: 1000, seed: 1n });
 * ```
 */
export async function learnLsh(teacherRows: Float32Array, dim: number, options: LshOptions): Promise<LshClustering> {
  const ids = checkRowsShape(teacherRows, dim, 'learnLsh');
  checkOptions(options, ['rows', 'seed', ...Object.keys(OPTIONS), ...JOB_OPTIONS], 'learnLsh');
  const rows = Math.min(checkInteger(options.rows, 1, MOST_IDS, 'rows of learnLsh'), ids);
  const average = Math.ceil(ids / rows);
  const { maxClusterSize = 4 * average, directions: count = Math.min(dim, 4) } = completeOptions<LshMethod>(
    OPTIONS,
    options,
    'learnLsh',
  );
  if (maxClusterSize !== Number.POSITIVE_INFINITY) {
    checkInteger(maxClusterSize, average, Number.MAX_SAFE_INTEGER, 'maxClusterSize of learnLsh');
  }
  const threads = checkJobOptions(options, 'learnLsh');
  const { directions, offsets } = stableHashes(count + 1, dim, options.seed ?? 0n);
  const maxSize = maxClusterSize === Number.POSITIVE_INFINITY ? 0 : maxClusterSize;
  const result = await runJob(
    (report) => native().lsh(teacherRows, directions, offsets, { dim, rows, maxSize, threads }, report),
    options,
    (share, needed): LshProgress => ({ step: 'choosing the width of cells', share, needed }),
  );
  return { rows, ...result };
}

/** {@link learnLsh} as a learner. */
export const lsh: Learner<LshMethod, 'lsh'> = {
  name: 'lsh',
  options: OPTIONS,
  devices: ['cpu'],
  dimensions: 'all',
  cuts1D: false,
  seeded: true,
  async learn({ vectors, dim, counts }: LearnerInput<Float32Array>, { clusters, device: _, ...options }) {
    const { maxClusterSize = 4 * Math.ceil(counts.length / clusters) } = options;
    return { ...(await learnLsh(vectors, dim, { ...options, maxClusterSize, rows: clusters })), maxClusterSize };
  },
};
