/**
 * Equal-mass bins: ids in the order of one value, cut into rows of equal mass. The simplest learned hash, and the
 * baseline that every other must beat.
 *
 * Keys float64 [ids]. O(n) radix sort and one scan: 1e6 ids in about 0.2 s. Deterministic.
 */
import { CollideError, checkInteger, checkOneOf, checkOptions, describe } from '../errors.ts';
import { mixedOrder, orderByKeys } from './order.ts';
import { principalProjection } from './principal.ts';
import { type Counts, checkCounts, checkTeacher, type Learner, MOST_IDS } from './types.ts';

const MASSES = { sqrt: Math.sqrt, cbrt: Math.cbrt, one: () => 1 } as const;

/** What an id weighs: the square root of its count, its cube root, or 1. */
export type BinMass = keyof typeof MASSES;
export const BIN_MASSES = Object.keys(MASSES) as BinMass[];

/** Options of {@link learnEqualMass}. */
export interface EqualMassOptions {
  /** Default 'sqrt'. */
  mass?: BinMass;
}

/**
 * Bins of equal mass over one key: bin(i) = floor((M_i - w_i / 2) / total * rows), with w the mass and M its running
 * sum in the order of the keys. Equal keys go by mix64(id).
 *
 * The plain formula leaves bins empty where one id outweighs a bin. Here every row is used when there are ids enough:
 * from one id to the next the bin grows by at most 1, and at least as fast as the bins left over need. Where the formula
 * leaves no gap this changes nothing; after a heavy id the ids that follow get the bins it skipped. Fewer ids than rows:
 * each id owns a row. Mass nowhere (all counts 0): every id weighs 1.
 *
 * @param keys - finite, [ids]
 * @param counts - accesses, [ids]
 * @param rows - bins; rows 0 .. min(rows, ids) - 1 are used, ascending with the key
 * @throws CollideError INVALID_ARGUMENT for keys not finite, bad counts or rows
 * @example
 * ```ts
 * equalMassBins(Float64Array.of(0.3, 0.1, 0.2, 0.9), Uint32Array.of(1, 1, 1, 1), 2); // Uint32Array [1, 0, 0, 1]
 * ```
 */
export function equalMassBins(keys: Float64Array, counts: Counts, rows: number, mass: BinMass = 'sqrt'): Uint32Array {
  checkKeys(keys);
  checkCounts(counts, keys.length, 'counts of equalMassBins');
  checkInteger(rows, 1, Number.MAX_SAFE_INTEGER, 'rows of equalMassBins');
  const massOf = MASSES[checkOneOf(mass, BIN_MASSES, 'mass of equalMassBins')];
  const n = keys.length;
  const bins = Math.min(rows, n);
  const order = orderByKeys(keys, mixedOrder(n));
  let total = 0;
  for (let k = 0; k < n; k++) total += massOf(counts[order[k]!]!);
  const weightless = total === 0;
  if (weightless) total = n;

  const assignment = new Uint32Array(n);
  let sum = 0;
  let bin = -1;
  for (let k = 0; k < n; k++) {
    const id = order[k]!;
    const weight = weightless ? 1 : massOf(counts[id]!);
    sum += weight;
    const plain = Math.min(bins - 1, Math.floor(((sum - weight / 2) / total) * bins));
    const needed = bins - (n - k); // else the ids left could not fill the bins left
    bin = Math.min(bin + 1, Math.max(bin, plain, needed));
    assignment[id] = bin;
  }
  return assignment;
}

/**
 * {@link equalMassBins} of a teacher's rows: by the value itself for dim 1, otherwise along the count-weighted first
 * principal component.
 *
 * @throws CollideError INVALID_ARGUMENT for bad rows, counts or options, UNKNOWN_OPTION for a misspelt one
 * @example
 * ```ts
 * const assignment = learnEqualMass(teacherRows, 2, counts, 1000, { mass: 'cbrt' });
 * ```
 */
export const learnEqualMass: Learner<EqualMassOptions> = (teacherRows, dim, counts, rows, options = {}) => {
  checkTeacher(teacherRows, dim, counts, 'learnEqualMass');
  checkOptions(options, ['mass'], 'learnEqualMass');
  const keys = dim === 1 ? Float64Array.from(teacherRows) : principalProjection(teacherRows, dim, counts);
  return equalMassBins(keys, counts, rows, options.mass);
};

function checkKeys(keys: unknown): void {
  if (!(keys instanceof Float64Array) || keys.length < 1 || keys.length > MOST_IDS) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Float64Array of at least one key for equalMassBins, received ${describe(keys)}`,
    );
  }
  const bad = keys.findIndex((key) => !Number.isFinite(key));
  if (bad >= 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected finite numbers for keys of equalMassBins, received ${keys[bad]} at index ${bad}`,
    );
  }
}
