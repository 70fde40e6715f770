/** What a model takes: a batch of examples. */
import { checkInteger, checkObject } from '../errors.ts';

/** A batch as data/ makes it; see its `Batch` for the layout. */
export interface ModelBatch {
  size: number;
  indices: Uint32Array;
  /** [features * size + 1], feature-major */
  offsets: Uint32Array;
  /** [size, dense inputs], raw: the model standardises them, where it does. */
  dense: Float32Array;
  /** [size], 0 or 1 */
  labels: Float32Array;
  /** The fold of all its examples, 0 to `folds` - 1 of the model: by whose training hashes a step looks up. Default 0. */
  fold?: number;
}

/** Size, ids and offsets; the engine checks what they hold. */
export function checkBatch(batch: ModelBatch): void {
  checkObject(batch, 'a batch, as batches() makes it,');
  checkInteger(batch.size, 0, 2 ** 32 - 1, 'size of a batch'); // an empty one can be predicted
}
