/** Hash functions in the form that native code takes, and the bytes that this form holds. */
import { CollideError, checkInteger, describe } from '../errors.ts';
import type { NativeHash } from '../native.ts';
import { checkHashParts } from './check.ts';
import { type HashFunction, MOST_ROWS, rowCount } from './hash_function.ts';
import { bitsPerEntry, codeCount, packEntries, packedBytes } from './pack.ts';

/** Ids that share a cache line of 64 bytes: 448 bits, and the ranks before them. */
const HOT_LINE = 448;

/**
 * Bytes that the hash function itself needs at inference, beside the rows: `table` its packed entries, `hot` 64 bytes
 * per 448 ids, a bit for each and the ranks (nothing when every id is hot: that is the identity), the others none. Every
 * reported size counts them.
 *
 * @example
 * ```ts
 * mappingBytes({ kind: 'modulo', rows: 10 }, 1000); // 0
 * ```
 */
export function mappingBytes(hash: HashFunction, cardinality: number): number {
  checkHashParts(hash, cardinality, 'mappingBytes');
  if (hash.kind === 'table') return packedBytes(cardinality, entryBits(hash));
  if (hash.kind !== 'hot' || hash.ids.length === cardinality) return 0;
  return 64 * Math.ceil(cardinality / HOT_LINE);
}

function entryBits({ entries, rows, packing = 'bytes' }: Extract<HashFunction, { kind: 'table' }>): number {
  return bitsPerEntry(codeCount(entries, rows), packing);
}

/** One bit per id, little-endian within 32-bit words, [ceil(cardinality / 32)]; set for every id of `ids`. */
export function hotBitmap(ids: Uint32Array, cardinality: number): Uint32Array {
  checkInteger(cardinality, 1, MOST_ROWS, 'the cardinality of hotBitmap');
  if (!(ids instanceof Uint32Array)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array of ids for hotBitmap, received ${describe(ids)}`,
    );
  }
  const bitmap = new Uint32Array(Math.ceil(cardinality / 32));
  for (const id of ids) bitmap[id >>> 5]! |= 1 << (id & 31);
  return bitmap;
}

/**
 * A checked hash function in the form the native engine takes, its arrays freshly made.
 *
 * @example
 * ```ts
 * nativeHash({ kind: 'mixed', rows: 10, seed: 1 }, 1000); // { kind: 'mixed', rows: 10, seed: 1n }
 * ```
 */
export function nativeHash(hash: HashFunction, cardinality: number): NativeHash {
  checkHashParts(hash, cardinality, 'nativeHash');
  const rows = rowCount(hash, cardinality);
  switch (hash.kind) {
    case 'identity':
    case 'modulo':
      return { kind: hash.kind, rows };
    case 'mixed':
      return { kind: 'mixed', rows, seed: BigInt(hash.seed) };
    case 'quotient':
    case 'mixed-radix':
      return { kind: hash.kind, rows, divisor: hash.divisor };
    case 'table':
      return {
        kind: 'table',
        rows,
        entries: packEntries(hash.entries, rows, hash.packing),
        bitsPerEntry: entryBits(hash),
      };
    case 'hot': {
      // All ids hot: the k-th id is k, and no row may be left for a tail. Modulo says the same and needs no bitmap.
      if (hash.ids.length === cardinality) return { kind: 'modulo', rows };
      const native: NativeHash = { kind: 'hot', rows, bitmap: hotBitmap(hash.ids, cardinality), tail: hash.tail.kind };
      return hash.tail.kind === 'mixed' ? { ...native, seed: BigInt(hash.tail.seed) } : native;
    }
  }
}
