/**
 * Look-up tables as native code and files hold them: 1, 2, 3 or 4 little-endian bytes per entry, by the height of the
 * internal table and not by the ids. O(entries); independent of the machine's byte order.
 */
import { CollideError, checkInteger, describe } from '../errors.ts';
import type { NativeHash } from '../native.ts';
import { type HashFunction, MOST_ROWS, rowCount, type TableEntries } from './hash_function.ts';

/** Bytes of one packed entry: 1 up to 256 rows, 2 up to 65,536, 3 up to 2^24, otherwise 4. */
export function bytesPerEntry(rows: number): 1 | 2 | 3 | 4 {
  if (rows <= 2 ** 8) return 1;
  if (rows <= 2 ** 16) return 2;
  return rows <= 2 ** 24 ? 3 : 4;
}

/**
 * Packs rows into little-endian bytes.
 *
 * @param entries - a row below `rows` per id
 * @returns a fresh array of entries.length x {@link bytesPerEntry} bytes
 * @example
 * ```ts
 * packEntries(Uint32Array.of(1, 70_000), 100_000); // Uint8Array [1, 0, 0, 112, 17, 1]
 * ```
 */
export function packEntries(entries: TableEntries, rows: number): Uint8Array {
  const width = bytesPerEntry(rows);
  if (width === 1) return Uint8Array.from(entries);
  const bytes = new Uint8Array(entries.length * width);
  for (let id = 0, at = 0; id < entries.length; id++) {
    let rest = entries[id]!;
    for (let b = 0; b < width; b++, rest >>>= 8) bytes[at++] = rest & 0xff;
  }
  return bytes;
}

/**
 * The inverse of {@link packEntries}: the narrowest typed array that holds the rows, freshly made.
 *
 * @throws CollideError INVALID_ARGUMENT when `bytes` is no whole number of entries
 * @example
 * ```ts
 * unpackEntries(Uint8Array.of(1, 0, 0, 112, 17, 1), 100_000); // Uint32Array [1, 70000]
 * ```
 */
export function unpackEntries(bytes: Uint8Array, rows: number): TableEntries {
  checkInteger(rows, 1, MOST_ROWS, 'rows of packed entries');
  const width = bytesPerEntry(rows);
  if (bytes.length % width !== 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a multiple of ${width} bytes of packed entries for ${rows} rows, received ${describe(bytes)}`,
    );
  }
  const count = bytes.length / width;
  if (width === 1) return Uint8Array.from(bytes);
  const entries = width === 2 ? new Uint16Array(count) : new Uint32Array(count);
  for (let id = 0, at = 0; id < count; id++) {
    let row = 0;
    for (let b = 0; b < width; b++) row |= bytes[at++]! << (8 * b);
    entries[id] = row;
  }
  return entries;
}

/** One rank per this many ids: rank(id) = stored rank + the set bits of at most 16 words. */
const RANK_BLOCK = 512;

/**
 * Bytes that the hash function itself needs at inference, beside the rows: `table` its packed entries, `hot` one bit
 * per id and a 32-bit rank per 512 ids (nothing when every id is hot: that is the identity), the others none. Every
 * reported size counts them.
 *
 * @example
 * ```ts
 * mappingBytes({ kind: 'modulo', rows: 10 }, 1000); // 0
 * ```
 */
export function mappingBytes(hash: HashFunction, cardinality: number): number {
  if (hash.kind === 'table') return cardinality * bytesPerEntry(hash.rows);
  if (hash.kind !== 'hot' || hash.ids.length === cardinality) return 0;
  return 4 * Math.ceil(cardinality / 32) + 4 * Math.ceil(cardinality / RANK_BLOCK);
}

/** One bit per id, little-endian within 32-bit words, [ceil(cardinality / 32)]; set for every id of `ids`. */
export function hotBitmap(ids: Uint32Array, cardinality: number): Uint32Array {
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
  const rows = rowCount(hash, cardinality);
  switch (hash.kind) {
    case 'identity':
    case 'modulo':
      return { kind: hash.kind, rows };
    case 'mixed':
      return { kind: 'mixed', rows, seed: BigInt(hash.seed) };
    case 'quotient':
      return { kind: 'quotient', rows, divisor: hash.divisor };
    case 'table':
      return { kind: 'table', rows, entries: packEntries(hash.entries, rows), bytesPerEntry: bytesPerEntry(rows) };
    case 'hot': {
      // All ids hot: the k-th id is k, and no row may be left for a tail. Modulo says the same and needs no bitmap.
      if (hash.ids.length === cardinality) return { kind: 'modulo', rows };
      const native: NativeHash = { kind: 'hot', rows, bitmap: hotBitmap(hash.ids, cardinality), tail: hash.tail.kind };
      return hash.tail.kind === 'mixed' ? { ...native, seed: BigInt(hash.tail.seed) } : native;
    }
  }
}
