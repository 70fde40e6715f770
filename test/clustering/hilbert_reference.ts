/** The slow reference of native/cpu/clustering/hilbert.h: one cell at a time. */

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
  const dim = cell.length;
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
