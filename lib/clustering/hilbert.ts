/**
 * Teacher rows in the order of a Hilbert curve: a one-dimensional view in which neighbours are near each other in all
 * dimensions. For learners that cut an order into rows; distances along the curve mean nothing.
 *
 * Rows [ids * dim] float32, keys float64 [ids]. O(ids * dim * bits), bits = floor(52 / dim) levels of the curve, a native job
 * (native/cpu/clustering/hilbert.h). Deterministic, the same bits for any number of threads.
 *
 * On a GPU: a reduction for the ranges (4 * dim bytes read per id) and one pass that makes the keys (4 * dim read, 8
 * written), a thread an id, its levels a loop in registers; then the sort and scans of equal-mass bins.
 */
import { CollideError, checkOptions } from '../errors.ts';
import { checkJobOptions, runSilentJob } from '../job.ts';
import { native } from '../native.ts';
import { VIEW_OPTIONS, type ViewOptions } from './principal.ts';
import { checkRowsShape } from './types.ts';

/** Keys have 52 bits, so that doubles hold them exactly: beyond it they would have a single level. */
const MOST_DIMENSIONS = 26;

/**
 * Where each id lies on a Hilbert curve through its teacher rows, [ids]. The curve fills a cube whose edge is the widest
 * range of any dimension, so that all dimensions have the same scale.
 *
 * @param teacherRows - copied at the call
 * @throws CollideError INVALID_ARGUMENT for values not finite or lengths that do not fit, NOT_SUPPORTED for dim above 26,
 * UNKNOWN_OPTION, ABORTED, OUT_OF_MEMORY; always by rejecting the promise
 * @example
 * ```ts
 * const assignment = await equalMassBins(await hilbertKeys(teacherRows, 4), counts, 1000);
 * ```
 */
export async function hilbertKeys(
  teacherRows: Float32Array,
  dim: number,
  options: ViewOptions = {},
): Promise<Float64Array> {
  checkRowsShape(teacherRows, dim, 'hilbertKeys');
  checkOptions(options, VIEW_OPTIONS, 'hilbertKeys');
  const threads = checkJobOptions(options, 'hilbertKeys');
  if (dim > MOST_DIMENSIONS) {
    throw new CollideError(
      'NOT_SUPPORTED',
      `Expected a teacher of at most ${MOST_DIMENSIONS} dimensions for a Hilbert curve, received ${dim}`,
    );
  }
  return runSilentJob(() => native().hilbertKeys(teacherRows, { dim, threads }), options.signal);
}
