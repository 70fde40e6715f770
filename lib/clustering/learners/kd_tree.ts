/**
 * The balanced kd-tree hash: teacher rows of any width are halved along their widest axis until one row is left for each
 * part. It uses all teacher dimensions together, where the 1-D methods see one at a time. The public face of
 * native/cpu/clustering/kd_tree.h and its twin on CUDA.
 */
import { chooseDevice, type Device } from '../../device.ts';
import { checkInteger, checkOptions } from '../../errors.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions, runJob } from '../../job.ts';
import { native } from '../../native.ts';
import { completeOptions, type Learner, type LearnerInput, switchOption } from '../learner.ts';
import { principalRotation } from '../principal.ts';
import { asDoubles, type Counts, checkTeacherShape, MOST_IDS } from '../types.ts';

/** The knobs of the method itself. */
export interface KdTreeMethod {
  /** Whether parts are split along the count-weighted principal components instead of the teacher's axes. Default false. */
  rotate?: boolean;
}

/** Options of {@link learnKdTree}. */
export interface KdTreeOptions extends KdTreeMethod, JobOptions {
  /** Where it runs, with the same bits: `cpu` (default), `cuda`, `auto` as of {@link agglomerate}. */
  device?: Device;
}

const OPTIONS: Learner<KdTreeMethod>['options'] = { rotate: switchOption('split along principal components') };

/**
 * Rows by a balanced kd-tree. A part with tau rows is split along the axis of most weighted variance (the first of
 * equals) where the running mass first reaches floor(tau / 2) / tau of its total; the lower side gets floor(tau / 2)
 * rows, the other the rest. Mass of an id is sqrt(count + 0.3), equal values go by mix64(id).
 *
 * Each side keeps at least as many ids as rows, so with n >= rows every row is used; with fewer ids each owns a row.
 *
 * @param teacherRows - float32 [ids * dim], finite; copied at the call, as are the counts
 * @param counts - accesses, [ids]
 * @param rows - rows to share, at least 1
 * @returns row of each id, 0 .. min(rows, ids) - 1
 * @throws CollideError INVALID_ARGUMENT for bad rows or counts, UNKNOWN_OPTION, ABORTED, OUT_OF_MEMORY,
 * CUDA_UNAVAILABLE (device 'cuda' without one), CUDA_FAILED; always by rejecting the promise
 * @example
 * ```ts
 * await learnKdTree(Float32Array.of(0, 0, 0, 1, 9, 0, 9, 1), 2, Uint32Array.of(1, 1, 1, 1), 2); // [0, 0, 1, 1]
 * ```
 */
export async function learnKdTree(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  rows: number,
  options: KdTreeOptions = {},
): Promise<Uint32Array> {
  checkTeacherShape(teacherRows, dim, counts, 'learnKdTree');
  checkInteger(rows, 1, Number.MAX_SAFE_INTEGER, 'rows of learnKdTree');
  checkOptions(options, ['device', ...Object.keys(OPTIONS), ...JOB_OPTIONS], 'learnKdTree');
  const threads = checkJobOptions(options, 'learnKdTree');
  const { rotate = false } = completeOptions<KdTreeMethod>(OPTIONS, options, 'learnKdTree');
  const device = chooseDevice(options.device ?? 'cpu', 'learnKdTree');
  const seen = rotate ? new Float64Array(counts) : asDoubles(counts); // a rotation takes its time
  const { signal } = options;
  const points = rotate ? await principalRotation(teacherRows, dim, seen, { signal, threads }) : teacherRows;
  const settings = { dim, rows: Math.min(rows, MOST_IDS), device, threads };
  return runJob(
    (report) => native().kdTree(points, seen, settings, report),
    options,
    (done, all) => ({ step: 'splitting cells', share: done / all }),
  );
}

/** {@link learnKdTree} as a learner. */
export const kdTree: Learner<KdTreeMethod, 'kd-tree'> = {
  name: 'kd-tree',
  options: OPTIONS,
  devices: ['cpu', 'cuda'],
  dimensions: 'all',
  cuts1D: false,
  async learn({ vectors, dim, counts }: LearnerInput<Float32Array>, { clusters, seed: _, ...options }) {
    return { assignment: await learnKdTree(vectors, dim, counts, clusters, options) };
  },
};
