/**
 * While a model trains, the first hash function of a feature, the learned one, looks some ids up as others: for a row that
 * is not served (pipeline/newcomers.ts), or because a part of the rows must not train what it helped to choose
 * (pipeline/cross_fit.ts). Other hash functions get the ids as they are. O(ids of the batch).
 */
import type { Split } from '../data/types.ts';
import { CollideError, describe } from '../errors.ts';

/**
 * One entry a feature: undefined where every id is looked up as itself, otherwise one array a fold, [cardinality]: the id
 * that an id is looked up as. Row r of the split is in fold r % folds.
 */
export type Detours = readonly (readonly Uint32Array[] | undefined)[];

/**
 * The ids of a batch as their feature's first hash function looks them up, laid out as its indices.
 *
 * @param rows - which rows of the split the batch holds, [size]
 */
export function takeDetours(
  { size, indices, offsets }: { size: number; indices: Uint32Array; offsets: Uint32Array },
  rows: Uint32Array,
  detours: Detours,
): Uint32Array {
  const detoured = indices.slice();
  for (const [f, folds] of detours.entries()) {
    if (folds === undefined) continue;
    for (let r = 0; r < size; r++) {
      const lookedUpAs = folds[rows[r]! % folds.length]!;
      const end = offsets[f * size + r + 1]!;
      for (let i = offsets[f * size + r]!; i < end; i++) detoured[i] = lookedUpAs[indices[i]!]!;
    }
  }
  return detoured;
}

/** @throws CollideError INVALID_ARGUMENT unless `detours` are undefined or as `crossFit` gives them */
export function checkDetours(detours: unknown, { features }: Split): void {
  if (detours === undefined) return;
  const fit = (folds: unknown, f: number) =>
    folds === undefined ||
    (Array.isArray(folds) &&
      folds.length > 0 &&
      folds.every((ids) => ids instanceof Uint32Array && ids.length === features[f]!.cardinality));
  if (Array.isArray(detours) && detours.length === features.length && detours.every(fit)) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected detours as crossFit gives them, one entry for each of ${features.length} features, received ${describe(detours)}`,
  );
}
