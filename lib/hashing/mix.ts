/**
 * The package's one mixing hash: h(x; seed, m) = high 64 bits of mix64(x XOR mix64(seed)) * m.
 *
 * mix64 is one step of SplitMix64 (Steele, Lea and Flood 2014); taking the high word of the product instead of a
 * remainder (Lemire 2019) needs no division and works for any m. Native code computes the same bits. Stateless; the
 * BigInt form is the reference and takes any 64-bit id, the form in 32-bit halves (about 5 times faster) takes ids
 * below 2^53.
 */

import { checkBigInt, checkInteger } from '../errors.ts';

const MASK = 0xffff_ffff_ffff_ffffn;
const TWO_32 = 0x1_0000_0000;

/** A bijection of the 64-bit numbers that leaves no visible order. `x` is taken modulo 2^64. */
export function mix64(x: bigint): bigint {
  let z = (checkBigInt(x, 'mix64') + 0x9e37_79b9_7f4a_7c15n) & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn) & MASK;
  return z ^ (z >> 31n);
}

/**
 * The row of `id` among `rows`, by the mixing hash.
 *
 * @example
 * ```ts
 * mixedRow(12345n, 7n, 1000n); // 100n
 * ```
 */
export function mixedRow(id: bigint, seed: bigint, rows: bigint): bigint {
  checkBigInt(id, 'id of mixedRow');
  checkBigInt(seed, 'seed of mixedRow');
  checkBigInt(rows, 'rows of mixedRow');
  return (mix64((id & MASK) ^ mix64(seed & MASK)) * rows) >> 64n;
}

/** High 32 bits of the 64-bit product of two unsigned 32-bit numbers: every partial sum stays below 2^53. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + a0 * b1 + ((a0 * b0) >>> 16);
  return a1 * b1 + Math.floor(middle / 0x1_0000);
}

/**
 * {@link mixedRow} for one seed and height as a function over plain numbers, for hashing whole vocabularies.
 *
 * @param seed - 0 to 2^64 - 1
 * @param rows - 1 to 2^32
 * @returns id (a whole number from 0 to 2^53 - 1) -> row
 * @example
 * ```ts
 * const row = mixedHasher(7n, 1000);
 * row(12345); // 100
 * ```
 */
export function mixedHasher(seed: bigint, rows: number): (id: number) => number {
  checkInteger(rows, 1, 2 ** 32, 'rows of mixedHasher');
  const mixedSeed = mix64(checkBigInt(seed, 'seed of mixedHasher') & MASK);
  const seedHigh = Number(mixedSeed >> 32n);
  const seedLow = Number(mixedSeed & 0xffff_ffffn);
  return (id) => {
    let high = (Math.floor(id / TWO_32) ^ seedHigh) >>> 0;
    let low = (id ^ seedLow) >>> 0;
    // + 0x9e3779b97f4a7c15
    const sum = low + 0x7f4a_7c15;
    low = sum >>> 0;
    high = (high + 0x9e37_79b9 + (sum >= TWO_32 ? 1 : 0)) >>> 0;
    // ^ >> 30, * 0xbf58476d1ce4e5b9
    low = (low ^ ((low >>> 30) | (high << 2))) >>> 0;
    high = (high ^ (high >>> 30)) >>> 0;
    high = (multiplyHigh(low, 0x1ce4_e5b9) + Math.imul(high, 0x1ce4_e5b9) + Math.imul(low, 0xbf58_476d)) >>> 0;
    low = Math.imul(low, 0x1ce4_e5b9) >>> 0;
    // ^ >> 27, * 0x94d049bb133111eb
    low = (low ^ ((low >>> 27) | (high << 5))) >>> 0;
    high = (high ^ (high >>> 27)) >>> 0;
    high = (multiplyHigh(low, 0x1331_11eb) + Math.imul(high, 0x1331_11eb) + Math.imul(low, 0x94d0_49bb)) >>> 0;
    low = Math.imul(low, 0x1331_11eb) >>> 0;
    // ^ >> 31
    low = (low ^ ((low >>> 31) | (high << 1))) >>> 0;
    high = (high ^ (high >>> 31)) >>> 0;
    // high word of the 128-bit product with rows; 2^32 does not fit multiplyHigh and is a plain shift
    if (rows === TWO_32) return high;
    const carry = (Math.imul(high, rows) >>> 0) + multiplyHigh(low, rows) >= TWO_32 ? 1 : 0;
    return multiplyHigh(high, rows) + carry;
  };
}
