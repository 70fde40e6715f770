/** A batch of bags on its way to native code: its arrays checked for their types, and the room for its output. */

import { CollideError, checkInteger, checkOptions, describe } from '../errors.ts';
import type { NativeLayout } from '../native.ts';
import { optionNames } from '../option_names.ts';

const KEYS = optionNames<BagBatch>({ indices: true, offsets: true, batchSizes: true, weights: true, fold: true });

/**
 * Bags of ids for every feature, feature after feature. Bag b of a feature whose first bag is the n-th of all (f * batch
 * for feature f, or the sum of the `batchSizes` before it) is `indices[offsets[n + b] ... offsets[n + b + 1]]`.
 */
export interface BagBatch {
  /** Ids, 0 to the feature's cardinality - 1. A plain array is checked for whole numbers and copied. */
  indices: Uint32Array | Int32Array | BigInt64Array | readonly number[];
  /** [features * batch + 1], or with batchSizes their sum + 1; from 0 to indices.length, never decreasing. */
  offsets: Uint32Array | Int32Array | BigInt64Array | readonly number[];
  /** One number of bags per feature, when they differ. */
  batchSizes?: Uint32Array | readonly number[];
  /** [indices.length]: each looked-up row is multiplied by its weight before pooling. */
  weights?: Float32Array;
  /**
   * The fold of the batch's examples, 0 to `folds` - 1 of the tables: `forward` looks up by the training hashes of this
   * fold. Default 0. `lookup` has no use for it.
   */
  fold?: number;
}

/** Bags of every feature alike, or one number per feature. */
export type BatchSizes = number | Uint32Array | readonly number[];

/** A batch in the types that native code takes; values are checked there. */
export interface CheckedBatch {
  indices: Uint32Array | Int32Array | BigInt64Array;
  offsets: Uint32Array | Int32Array | BigInt64Array;
  batchSizes: Uint32Array | undefined;
  weights: Float32Array | undefined;
  fold: number;
  /** Bags of every feature. */
  bags: number | Uint32Array;
}

/** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION; for plain arrays INVALID_INDEX, INVALID_OFFSETS */
export function checkBatch(batch: BagBatch, features: number, folds: number): CheckedBatch {
  checkOptions(batch, KEYS, 'a batch');
  const indices = asIndices(batch.indices);
  const offsets = asOffsets(batch.offsets);
  const batchSizes = batch.batchSizes === undefined ? undefined : asBatchSizes(batch.batchSizes, features);
  const weights = batch.weights === undefined ? undefined : checkFloats(batch.weights, 'weights');
  const fold = checkInteger(batch.fold ?? 0, 0, folds - 1, 'fold of a batch');
  const bags = batchSizes ?? Math.max(0, Math.floor((offsets.length - 1) / features));
  return { indices, offsets, batchSizes, weights, fold, bags };
}

/** @param length - if it has to be just that */
export function checkFloats(values: unknown, where: string, length?: number): Float32Array {
  if (values instanceof Float32Array) {
    if (length === undefined || values.length === length) return values;
    throw new CollideError('INVALID_ARGUMENT', `Expected ${length} values for ${where}, received ${values.length}`);
  }
  throw new CollideError('INVALID_ARGUMENT', `Expected a Float32Array for ${where}, received ${describe(values)}`);
}

function asIndices(indices: BagBatch['indices']): Uint32Array | Int32Array | BigInt64Array {
  if (isNative(indices)) return indices;
  const copy = new BigInt64Array(checkArray(indices, 'indices').length);
  for (const [position, id] of indices.entries()) {
    if (!Number.isSafeInteger(id)) {
      throw new CollideError(
        'INVALID_INDEX',
        `Expected a whole number for indices[${position}], received ${describe(id)}`,
      );
    }
    copy[position] = BigInt(id as number);
  }
  return copy;
}

function asOffsets(offsets: BagBatch['offsets']): Uint32Array | Int32Array | BigInt64Array {
  if (isNative(offsets)) return offsets;
  const copy = new Uint32Array(checkArray(offsets, 'offsets').length);
  for (const [position, offset] of offsets.entries()) {
    if (!Number.isInteger(offset) || (offset as number) < 0 || (offset as number) > 0xffff_ffff) {
      throw new CollideError(
        'INVALID_OFFSETS',
        `Expected a whole number from 0 to 2^32 - 1 for offsets[${position}], received ${describe(offset)}`,
      );
    }
    copy[position] = offset as number;
  }
  return copy;
}

function isNative(values: unknown): values is Uint32Array | Int32Array | BigInt64Array {
  return values instanceof Uint32Array || values instanceof Int32Array || values instanceof BigInt64Array;
}

function checkArray(values: unknown, what: string): readonly unknown[] {
  if (Array.isArray(values)) return values;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a Uint32Array, Int32Array, BigInt64Array or an array of whole numbers for ${what}, received ${describe(values)}`,
  );
}

/** A fresh copy: native code reads it more than once. */
export function asBatchSizes(sizes: Uint32Array | readonly number[], features: number): Uint32Array {
  if (!(Array.isArray(sizes) || sizes instanceof Uint32Array) || sizes.length !== features) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected one number of bags per feature (${features}) for batchSizes, received ${describe(sizes)}`,
    );
  }
  for (const [f, bags] of sizes.entries()) checkInteger(bags, 0, 0xffff_ffff, `batchSizes[${f}]`);
  return Uint32Array.from(sizes);
}

/** Floats of the output of a batch. */
export function outputLength(layout: NativeLayout, bags: number | Uint32Array): number {
  return layout.features.reduce((sum, { width }, f) => sum + width * (typeof bags === 'number' ? bags : bags[f]!), 0);
}

/** Where the first index that is outside its feature stands, for a message. */
export function firstBadIndex(layout: NativeLayout, { indices, offsets, bags }: CheckedBatch): string {
  let bag = 0;
  for (const [f, { name, cardinality }] of layout.features.entries()) {
    const first = Number(offsets[bag]);
    bag += typeof bags === 'number' ? bags : bags[f]!;
    for (let i = first; i < Number(offsets[bag]); i++) {
      const id = indices[i]!;
      if (id < 0 || id >= cardinality) {
        return `expected an id from 0 to ${cardinality - 1} for feature "${name}", received ${id} at position ${i} of the indices`;
      }
    }
  }
  return 'they have changed since';
}
