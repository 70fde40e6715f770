/**
 * Weighted k-means of teacher rows in all their dimensions: the public face of native/cpu/clustering/kmeans.h and its twin on CUDA.
 * Rows and counts are copied at the call; the rounds run on a native thread of their own, and on the pool or the device.
 */
import { chooseDevice, type Device } from '../../device.ts';
import { CollideError, checkInteger, checkOptions, describe } from '../../errors.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions, type Progress, runJob } from '../../job.ts';
import { native } from '../../native.ts';
import { choiceOption, completeOptions, type Learner, type LearnerInput, wholeOption } from '../learner.ts';
import { asDoubles, type Counts, checkTeacherShape, MOST_IDS } from '../types.ts';

export const ID_WEIGHTS = ['count', 'sqrt', 'uniform'] as const;

/** What an id weighs: its count + 0.3, the square root of that, or 1. */
export type IdWeight = (typeof ID_WEIGHTS)[number];

/** The knobs of the method itself, without the target. */
export interface KMeansMethod {
  /** Default 'count': what is minimised is the squared error of the accesses. */
  weight?: IdWeight;
  /** Most rounds; fewer when nothing moves any more. Default 15. */
  iterations?: number;
}

/** Progress of {@link kMeans}. */
export interface KMeansProgress extends Progress {
  /** Rounds done. */
  iteration: number;
  /** Ids that the last one moved. */
  moved: number;
}

/** Options of {@link kMeans}. */
export interface KMeansOptions extends KMeansMethod, JobOptions<KMeansProgress> {
  /** Clusters to end with. As many as ids or more: every id is its own cluster. */
  rows: number;
  /** Cluster of each id to begin with, every one of 0 .. min(rows, ids) - 1 used. Default: the balanced kd-tree. */
  start?: Uint32Array;
  /** Where it runs, the kd-tree too, with the same bits: `cpu` (default), `cuda`, `auto` as of {@link agglomerate}. */
  device?: Device;
}

/** What {@link kMeans} yields. Clusters keep the numbers of the start; each one has at least one id. */
export interface KMeansClustering {
  /** Clusters: min(options.rows, ids). */
  rows: number;
  /** Cluster of each id, [ids]. */
  assignment: Uint32Array;
  /** Weighted means, [rows * dim]. */
  centroids: Float64Array;
  /** Ids of each cluster, [rows]. */
  sizes: Uint32Array;
  /** Accesses of each cluster, [rows]. */
  counts: Float64Array;
  /** Weighted squared distances of the ids to their centroids, summed. */
  distortion: number;
  /** Rounds done. */
  iterations: number;
  /** Ids that the last round moved; 0: converged. */
  moved: number;
}

/** What ids may weigh: an option of every learner that weighs them. */
export const WEIGHT = choiceOption(ID_WEIGHTS, { help: 'count, sqrt or uniform', default: 'count' });

const OPTIONS: Learner<KMeansMethod>['options'] = {
  weight: WEIGHT,
  iterations: wholeOption(0, 1_000_000, { help: 'most rounds', default: 15 }),
};

/**
 * Weighted k-means by Lloyd's rounds: ids go to the nearest centroid (ties: the lower cluster), centroids to the weighted
 * mean of their ids, until nothing moves or `iterations` are done. A cluster that loses all its ids gets the upper half,
 * by weight along the axis of most variance, of the cluster with most weighted squared error.
 *
 * Exact, though it looks at few centroids per id: fast in the narrow spaces of teachers, up to about 4 dimensions; in wide
 * ones it comes near ids * rows distances per round. The same bits for any number of threads.
 *
 * @param teacherRows - finite, [ids * dim]
 * @param counts - accesses per id, whole numbers with a sum below 2^53, [ids]
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED, OUT_OF_MEMORY, CUDA_UNAVAILABLE (device 'cuda' without
 * one), CUDA_FAILED; always by rejecting the promise
 * @example
 * ```ts
 * const { assignment, distortion } = await kMeans(teacherRows, 2, counts, { rows: 1000 });
 * ```
 */
export async function kMeans(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  options: KMeansOptions,
): Promise<KMeansClustering> {
  const ids = checkTeacherShape(teacherRows, dim, counts, 'kMeans');
  checkOptions(options, ['rows', 'start', 'device', ...Object.keys(OPTIONS), ...JOB_OPTIONS], 'kMeans');
  const rows = Math.min(checkInteger(options.rows, 1, MOST_IDS, 'rows of kMeans'), ids);
  const method = completeOptions<KMeansMethod>(OPTIONS, options, 'kMeans') as Required<KMeansMethod>;
  const threads = checkJobOptions(options, 'kMeans');
  const device = chooseDevice(options.device ?? 'cpu', 'kMeans');
  const { start } = options;
  if (start !== undefined && (!(start instanceof Uint32Array) || start.length !== ids)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array of length ${ids} (one cluster per id) for start of kMeans, received ${describe(start)}`,
    );
  }
  const result = await runJob(
    (report) =>
      native().kmeans(teacherRows, asDoubles(counts), start, { dim, rows, device, threads, ...method }, report),
    options,
    (iteration, moved): KMeansProgress => ({
      step: 'moving centroids',
      share: moved > 0 ? iteration / method.iterations : 1,
      iteration,
      moved,
    }),
  );
  return { rows, ...result };
}

/** {@link kMeans} as a learner. */
export const kMeansLearner: Learner<KMeansMethod, 'k-means'> = {
  name: 'k-means',
  options: OPTIONS,
  devices: ['cpu', 'cuda'],
  dimensions: 'all',
  cuts1D: false,
  async learn({ vectors, dim, counts }: LearnerInput<Float32Array>, { clusters, seed: _, ...options }) {
    const found = await kMeans(vectors, dim, counts, { ...options, rows: clusters });
    return { ...found, rounds: found.iterations };
  },
};
