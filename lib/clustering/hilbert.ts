/**
 * Teacher rows in the order of a Hilbert curve: a one-dimensional view in which neighbours are near each other in all
 * dimensions. For learners that cut an order into rows; distances along the curve mean nothing.
 *
 * Rows [ids * dim] float32, keys float64 [ids]. O(ids * bits), bits = floor(52 / dim) levels of the curve: 1e6 ids of
 * width 2 take about a second. Deterministic.
 *
 * On a GPU: a reduction for the ranges (4 * dim bytes read per id) and one pass that makes the keys (4 * dim read, 8
 * written), a thread an id, its levels a loop in registers; then the sort and scans of equal-mass bins.
 */
import { CollideError, checkInteger } from '../errors.ts';
import { checkTeacherRows } from './types.ts';

/** Bits of a key: doubles hold them exactly. */
const KEY_BITS = 52;
/** Beyond it a key has a single level, and bits of a cell no longer fit 32-bit arithmetic. */
const MOST_DIMENSIONS = 26;

/**
 * Where each id lies on a Hilbert curve through its teacher rows, [ids]. The curve fills a cube whose edge is the widest
 * range of any dimension, so that all dimensions have the same scale.
 *
 * @throws CollideError INVALID_ARGUMENT for values not finite or lengths that do not fit, NOT_SUPPORTED for dim above 26
 * @example
 * ```ts
 * const assignment = await equalMassBins(hilbertKeys(teacherRows, 4), counts, 1000);
 * ```
 */
export function hilbertKeys(teacherRows: Float32Array, dim: number): Float64Array {
  const ids = checkTeacherRows(teacherRows, dim, 'hilbertKeys');
  if (dim > MOST_DIMENSIONS) {
    throw new CollideError(
      'NOT_SUPPORTED',
      `Expected a teacher of at most ${MOST_DIMENSIONS} dimensions for a Hilbert curve, received ${dim}`,
    );
  }
  const lowest = new Float64Array(dim).fill(Number.POSITIVE_INFINITY);
  const highest = new Float64Array(dim).fill(Number.NEGATIVE_INFINITY);
  for (let k = 0; k < teacherRows.length; k++) {
    const value = teacherRows[k]!;
    const d = k % dim;
    if (value < lowest[d]!) lowest[d] = value;
    if (value > highest[d]!) highest[d] = value;
  }
  const edge = highest.reduce((most, high, d) => Math.max(most, high - lowest[d]!), 0);
  const bits = Math.min(26, Math.floor(KEY_BITS / dim));
  const cells = 2 ** bits;
  const scale = edge > 0 ? cells / edge : 0;
  const keys = new Float64Array(ids);
  const cell = new Uint32Array(dim);
  for (let id = 0; id < ids; id++) {
    for (let d = 0; d < dim; d++) {
      cell[d] = Math.min(cells - 1, Math.floor((teacherRows[id * dim + d]! - lowest[d]!) * scale));
    }
    keys[id] = hilbertIndex(cell, bits);
  }
  return keys;
}

/**
 * The place of a cell of a cube with 2^bits cells to the edge on its Hilbert curve, 0 .. 2^(bits * dim) - 1.
 *
 * Level by level: the half of each axis the cell is in, as bits, is its corner. The curve visits the corners in Gray-code
 * order, seen from the entry corner and along the direction at hand; where it goes next gives the entry and direction
 * within that corner (Hamilton and Rau-Chaplin 2008).
 *
 * @param cell - one coordinate per dimension, below 2^bits
 * @param bits - 1 to floor(52 / dimensions), at most 31
 * @example
 * ```ts
 * [[0, 0], [0, 1], [1, 1], [1, 0]].map((cell) => hilbertIndex(cell, 1)); // [0, 1, 2, 3]
 * ```
 */
export function hilbertIndex(cell: ArrayLike<number>, bits: number): number {
  const dim = checkInteger(cell.length, 1, MOST_DIMENSIONS, 'dimensions of hilbertIndex');
  checkInteger(bits, 1, Math.min(31, Math.floor(KEY_BITS / dim)), 'bits of hilbertIndex');
  const mask = 2 ** dim - 1;
  let entry = 0;
  let direction = 0;
  let index = 0;
  for (let level = bits - 1; level >= 0; level--) {
    let corner = 0;
    for (let d = 0; d < dim; d++) corner |= ((cell[d]! >>> level) & 1) << d;
    const turn = (direction + 1) % dim;
    const seen = rotateRight(corner ^ entry, turn, dim, mask);
    const step = inverseGray(seen);
    index = index * (mask + 1) + step;
    entry ^= rotateLeft(step === 0 ? 0 : gray((step - 1) & ~1), turn, dim, mask);
    // The axis that the curve crosses: trailing ones of the step, or of the one before for even steps.
    const odd = step === 0 ? 0 : step & 1 ? step : step - 1;
    direction = (direction + trailingOnes(odd) + 1) % dim;
  }
  return index;
}

const gray = (k: number) => k ^ (k >>> 1);

function inverseGray(code: number): number {
  let k = code;
  for (let shift = 1; shift < 32; shift *= 2) k ^= k >>> shift;
  return k;
}

const trailingOnes = (k: number) => 31 - Math.clz32(~k & (k + 1));

const rotateRight = (k: number, by: number, bits: number, mask: number) => ((k >>> by) | (k << (bits - by))) & mask;
const rotateLeft = (k: number, by: number, bits: number, mask: number) => ((k << by) | (k >>> (bits - by))) & mask;
