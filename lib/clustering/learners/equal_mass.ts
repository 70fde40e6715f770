/**
 * Equal-mass bins: ids in the order of one value, cut into rows of equal mass. The simplest learned hash, and the
 * baseline that every other must beat. The public face of native/cpu/clustering/equal_mass.h.
 */
import { chooseDevice, type Device } from '../../device.ts';
import { CollideError, checkInteger, checkOptions, describe } from '../../errors.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions, runJob } from '../../job.ts';
import { native } from '../../native.ts';
import { choiceOption, completeOptions, type Learner } from '../learner.ts';
import { principalProjection } from '../principal.ts';
import { asDoubles, type Counts, checkCountsShape, checkTeacherShape, MOST_IDS } from '../types.ts';

/** What an id weighs: the square root of its count, its cube root, or 1. */
export type BinMass = (typeof BIN_MASSES)[number];
const BIN_MASSES = ['sqrt', 'cbrt', 'one'] as const;

/** The knobs of the method itself. */
export interface EqualMassMethod {
  /** What an id weighs. Default 'sqrt'. */
  mass?: BinMass;
}

/** Options of {@link equalMassBins} and {@link learnEqualMass}. */
export interface EqualMassOptions extends EqualMassMethod, JobOptions {
  /** Where the bins are computed, with the same bits: `cpu` (default), `cuda`, `auto` as of {@link agglomerate}. */
  device?: Device;
}

const OPTIONS: Learner<EqualMassMethod>['options'] = {
  mass: choiceOption(BIN_MASSES, { help: 'sqrt, cbrt or one', default: 'sqrt' }),
};

/**
 * Bins of equal mass over one key: bin(i) = floor((M_i - w_i / 2) / total * rows), with w the mass and M its running
 * sum in the order of the keys. Equal keys go by mix64(id).
 *
 * The plain formula leaves bins empty where one id outweighs a bin. Here every row is used when there are ids enough:
 * from one id to the next the bin grows by at most 1, and at least as fast as the bins left over need. Where the formula
 * leaves no gap this changes nothing; after a heavy id the ids that follow get the bins it skipped. Fewer ids than rows:
 * each id owns a row. Mass nowhere (all counts 0): every id weighs 1.
 *
 * @param keys - finite, [ids]; copied at the call, as are the counts
 * @param counts - accesses, [ids]
 * @param rows - bins; rows 0 .. min(rows, ids) - 1 are used, ascending with the key
 * @throws CollideError INVALID_ARGUMENT for keys not finite, bad counts or rows, UNKNOWN_OPTION, ABORTED, OUT_OF_MEMORY,
 * CUDA_UNAVAILABLE (device 'cuda' without one), CUDA_FAILED; always by rejecting the promise
 * @example
 * ```ts
 * await equalMassBins(Float64Array.of(0.3, 0.1, 0.2, 0.9), Uint32Array.of(1, 1, 1, 1), 2); // Uint32Array [1, 0, 0, 1]
 * ```
 */
export async function equalMassBins(
  keys: Float64Array,
  counts: Counts,
  rows: number,
  options: EqualMassOptions = {},
): Promise<Uint32Array> {
  if (!(keys instanceof Float64Array) || keys.length < 1 || keys.length > MOST_IDS) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Float64Array of at least one key for equalMassBins, received ${describe(keys)}`,
    );
  }
  checkCountsShape(counts, keys.length, 'counts of equalMassBins');
  checkInteger(rows, 1, Number.MAX_SAFE_INTEGER, 'rows of equalMassBins');
  checkOptions(options, ['device', ...Object.keys(OPTIONS), ...JOB_OPTIONS], 'equalMassBins');
  const threads = checkJobOptions(options, 'equalMassBins');
  const { mass = 'sqrt' } = completeOptions<EqualMassMethod>(OPTIONS, options, 'equalMassBins');
  const device = chooseDevice(options.device ?? 'cpu', 'equalMassBins');
  const settings = { rows: Math.min(rows, MOST_IDS), mass, device, threads };
  return runJob(
    (report) => native().equalMass(keys, asDoubles(counts), settings, report),
    options,
    (done, all) => ({ step: 'cutting bins', share: done / all }),
  );
}

/**
 * {@link equalMassBins} of a teacher's rows: by the value itself for dim 1, otherwise along the count-weighted first
 * principal component.
 *
 * @throws CollideError INVALID_ARGUMENT for bad rows, counts or options, UNKNOWN_OPTION for a misspelt one, ABORTED,
 * OUT_OF_MEMORY; always by rejecting the promise
 * @example
 * ```ts
 * const assignment = await learnEqualMass(teacherRows, 2, counts, 1000, { mass: 'cbrt' });
 * ```
 */
export async function learnEqualMass(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  rows: number,
  options: EqualMassOptions = {},
): Promise<Uint32Array> {
  checkTeacherShape(teacherRows, dim, counts, 'learnEqualMass');
  if (dim === 1) return equalMassBins(new Float64Array(teacherRows), counts, rows, options);
  const seen = new Float64Array(counts); // the projection takes its time: the caller's may change meanwhile
  const { signal, threads } = options;
  return equalMassBins(await principalProjection(teacherRows, dim, seen, 0, { signal, threads }), seen, rows, options);
}

/** {@link equalMassBins} as a learner. */
export const equalMass: Learner<EqualMassMethod, 'equal-mass'> = {
  name: 'equal-mass',
  options: OPTIONS,
  devices: ['cpu', 'cuda'],
  dimensions: 'one',
  cuts1D: true,
  ordersOnly: true,
  async learn({ vectors, counts }, { clusters, seed: _, ...options }) {
    return { assignment: await equalMassBins(asDoubles(vectors), counts, clusters, options) };
  },
};
