/** Rows that are put together of pieces side by side: a learned one, and others that the hashing trick gives. */
import type { HashFunction } from '../../hashing/index.ts';

/** More are no use: each is `dim / parts` wide. */
export const MOST_PARTS = 64;

/** The parts of a row that the hashing trick gives. */
export function hashedParts(rows: number, parts: number, seed: number): HashFunction[] {
  const seedOf = (part: number) => BigInt(seed) + (BigInt(part) << 53n); // no other seed's
  return Array.from({ length: parts - 1 }, (_, k) => ({ kind: 'mixed', rows, seed: seedOf(k + 1) }));
}
