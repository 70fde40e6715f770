/**
 * Teacher rows in the order of a Hilbert curve: a one-dimensional view in which neighbours are near each other in all
 * dimensions. For learners that cut an order into rows; distances along the curve mean nothing.
 *
 * Rows [ids * dim] float32, keys float64 [ids]. O(ids * dim * bits), bits = floor(52 / dim) levels of the curve, at once,
 * on all threads (native/cpu/hilbert.h). Deterministic, the same bits for any number of them.
 *
 * On a GPU: a reduction for the ranges (4 * dim bytes read per id) and one pass that makes the keys (4 * dim read, 8
 * written), a thread an id, its levels a loop in registers; then the sort and scans of equal-mass bins.
 */
import { CollideError, checkInteger } from '../errors.ts';
import { native } from '../native.ts';
import { checkTeacherRows } from './types.ts';

/** Keys have 52 bits, so that doubles hold them exactly: beyond it they would have a single level. */
const MOST_DIMENSIONS = 26;

/**
 * Where each id lies on a Hilbert curve through its teacher rows, [ids]. The curve fills a cube whose edge is the widest
 * range of any dimension, so that all dimensions have the same scale.
 *
 * @param threads - 0: all available
 * @throws CollideError INVALID_ARGUMENT for values not finite or lengths that do not fit, NOT_SUPPORTED for dim above 26
 * @example
 * ```ts
 * const assignment = await equalMassBins(hilbertKeys(teacherRows, 4), counts, 1000);
 * ```
 */
export function hilbertKeys(teacherRows: Float32Array, dim: number, threads = 0): Float64Array {
  checkTeacherRows(teacherRows, dim, 'hilbertKeys');
  if (dim > MOST_DIMENSIONS) {
    throw new CollideError(
      'NOT_SUPPORTED',
      `Expected a teacher of at most ${MOST_DIMENSIONS} dimensions for a Hilbert curve, received ${dim}`,
    );
  }
  return native().hilbertKeys(teacherRows, dim, checkInteger(threads, 0, 4096, 'threads of hilbertKeys'));
}
