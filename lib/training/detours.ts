/**
 * While a model trains, some ids are looked up as others: for a row that is not served (pipeline/newcomers.ts), or because
 * a part of the rows must not train what it helped to choose (pipeline/cross_fit.ts). O(ids of the batch), in place.
 */

/**
 * One entry a feature: undefined where every id is looked up as itself, otherwise one array a fold, [cardinality]: the id
 * that an id is looked up as. Row r of the split is in fold r % folds.
 */
export type Detours = readonly (readonly Uint32Array[] | undefined)[];

/** @param rows - which rows of the split the batch holds, [size] */
export function takeDetours(
  { size, indices, offsets }: { size: number; indices: Uint32Array; offsets: Uint32Array },
  rows: Uint32Array,
  detours: Detours,
): void {
  for (const [f, folds] of detours.entries()) {
    if (folds === undefined) continue;
    for (let r = 0; r < size; r++) {
      const lookedUpAs = folds[rows[r]! % folds.length]!;
      const end = offsets[f * size + r + 1]!;
      for (let i = offsets[f * size + r]!; i < end; i++) indices[i] = lookedUpAs[indices[i]!]!;
    }
  }
}
