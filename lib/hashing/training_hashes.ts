/**
 * Hash functions by which a feature trains, where they are not those that serve it: both address the same internal
 * tables. One list of them for all examples, or one list a fold, each with one hash function a table. Example r of a split
 * is in fold r % folds.
 */
import { CollideError, checkList, describe } from '../errors.ts';
import { checkHashFunction, rowCount } from './hash_function.ts';
import type { HashFunction } from './kinds/index.ts';

/** [1 or folds][internal tables] */
export type TrainingHashes = readonly (readonly HashFunction[])[];

/**
 * Checks the training hashes of a feature whose serving ones, `hashes`, were checked before.
 *
 * @throws CollideError INVALID_ARGUMENT unless each list has one hash function of as many rows for every one of `hashes`
 */
export function checkTrainingHashes(
  training: TrainingHashes,
  hashes: readonly HashFunction[],
  cardinality: number,
  where: string,
): void {
  checkList(training, `trainingHashes of ${where}`);
  if (training.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a list for each fold, or one for all, for trainingHashes of ${where}, received none`,
    );
  }
  for (const [fold, list] of training.entries()) {
    if (!Array.isArray(list) || list.length !== hashes.length) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected ${hashes.length} hash functions, as many as hashes, for trainingHashes[${fold}] of ${where}, received ${describe(list)}`,
      );
    }
    for (const [h, hash] of list.entries()) {
      const named = `trainingHashes[${fold}][${h}] of ${where}`;
      checkHashFunction(hash, cardinality, named);
      const [rows, served] = [hash, hashes[h]!].map((one) => rowCount(one, cardinality));
      if (rows === served) continue;
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected ${served} rows, those of hashes[${h}], for ${named}, received ${rows}`,
      );
    }
  }
}

/**
 * The number of folds that features train by: 1, or that of the features whose folds train by different hash functions.
 *
 * @throws CollideError INVALID_ARGUMENT where two features have different numbers of folds
 */
export function foldsOf(features: readonly { name: string; trainingHashes?: TrainingHashes }[], where: string): number {
  let folds = 1;
  for (const { name, trainingHashes } of features) {
    const own = trainingHashes?.length ?? 1;
    if (own === 1 || own === folds) continue;
    if (folds > 1) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected trainingHashes for ${folds} folds, as another feature has them, or for all folds alike for feature "${name}" of ${where}, received ${own}`,
      );
    }
    folds = own;
  }
  return folds;
}
