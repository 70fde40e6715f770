/**
 * Look-up tables as native code and files hold them: a little-endian stream of bits, as many per entry as the height of
 * the internal table needs and not the ids; in packing `bytes` a whole number of bytes. An entry is a row; one more
 * code, the number of rows, stands for a pruned id where there is any. O(entries); independent of the
 * machine's byte order.
 */
import { CollideError, checkInteger, checkOneOf, checkOptions, describe } from '../errors.ts';
import { optionNames } from '../option_names.ts';
import { MOST_ROWS } from './hash_kind.ts';

/**
 * Entries of a look-up table: `entries[id]` is a row, or {@link PRUNED} in an Int32Array. Any width may hold rows of any
 * table height.
 */
export type TableEntries = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/**
 * The entry of an id that owns no row: its row counts as zeros and is never trained. Where rows are unsigned
 * (`rowsOfAll`, native code) it reads 0xffffffff, which is no row: {@link MOST_ROWS}.
 */
export const PRUNED = -1;

/**
 * How the native tables and files hold the entries of a look-up table: `bytes`, the fewest whole bytes per entry, 1 to
 * 4; `bits`, exactly as many bits as the number of rows needs. Bits take up to half the memory and, while the table fits
 * the cache, twice the time to read, 1.1 against 0.6 ns.
 */
export type Packing = 'bytes' | 'bits';

export const PACKINGS: readonly Packing[] = optionNames<Record<Packing, 0>>({ bytes: true, bits: true });

/** Whether a value is of a type that holds the entries of a look-up table. */
export function isEntries(value: unknown): value is TableEntries {
  return (
    value instanceof Uint8Array ||
    value instanceof Uint16Array ||
    value instanceof Uint32Array ||
    value instanceof Int32Array
  );
}

/** Bytes of one packed entry: 1 up to 256 codes (rows, and one for pruned), 2 up to 65,536, 3 up to 2^24, otherwise 4. */
export function bytesPerEntry(codes: number): 1 | 2 | 3 | 4 {
  checkInteger(codes, 1, 2 ** 32, 'codes of bytesPerEntry');
  if (codes <= 2 ** 8) return 1;
  if (codes <= 2 ** 16) return 2;
  return codes <= 2 ** 24 ? 3 : 4;
}

/**
 * Bits of one packed entry: 8 times {@link bytesPerEntry}, or the base-2 logarithm of `codes` rounded up, at least 1.
 *
 * @example
 * ```ts
 * bitsPerEntry(907, 'bits'); // 10
 * ```
 */
export function bitsPerEntry(codes: number, packing: Packing): number {
  checkInteger(codes, 1, 2 ** 32, 'codes of bitsPerEntry');
  if (checkOneOf(packing, PACKINGS, 'packing') === 'bytes') return 8 * bytesPerEntry(codes);
  let bits = 1;
  while (2 ** bits < codes) bits++;
  return bits;
}

/** Distinct codes of a table of `rows` rows: one more when an id is pruned. */
export function codeCount(entries: TableEntries, rows: number): number {
  return entries instanceof Int32Array && entries.includes(PRUNED) ? rows + 1 : rows;
}

/** The entries with `rows` in the place of PRUNED; they themselves when they cannot hold it. */
export function entryCodes(entries: TableEntries, rows: number): Uint8Array | Uint16Array | Uint32Array {
  if (!(entries instanceof Int32Array)) return entries;
  const codes = new Uint32Array(entries);
  for (let id = 0; id < codes.length; id++) if (entries[id] === PRUNED) codes[id] = rows;
  return codes;
}

/** The inverse of {@link entryCodes} for entries of which some are pruned. */
export function prunedEntries(codes: Uint8Array | Uint16Array | Uint32Array, rows: number): Int32Array {
  const entries = new Int32Array(codes);
  for (let id = 0; id < entries.length; id++) if (codes[id] === rows) entries[id] = PRUNED;
  return entries;
}

/** Bytes of `count` packed entries. */
export function packedBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

/**
 * Packs the entries of a look-up table.
 *
 * @param entries - a row below `rows` per id, or PRUNED
 * @returns a fresh array of {@link bitsPerEntry} bits per entry, the last byte filled up with zeros
 * @example
 * ```ts
 * packEntries(Uint32Array.of(1, 70_000), 100_000); // Uint8Array [1, 0, 0, 112, 17, 1]
 * packEntries(Uint8Array.of(1, 2, 3), 4, 'bits'); // Uint8Array [0b111001]
 * ```
 */
export function packEntries(entries: TableEntries, rows: number, packing: Packing = 'bytes'): Uint8Array {
  checkInteger(rows, 1, MOST_ROWS, 'rows of packEntries');
  if (!isEntries(entries)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected the entries of a table for packEntries, received ${describe(entries)}`,
    );
  }
  const bits = bitsPerEntry(codeCount(entries, rows), packing);
  const codes = entryCodes(entries, rows);
  if (bits === 8) return new Uint8Array(codes);
  const bytes = new Uint8Array(packedBytes(codes.length, bits));
  let at = 0;
  let word = 0; // the bits not yet written, `filled` of them
  let filled = 0;
  for (let id = 0; id < codes.length; id++) {
    const code = codes[id]!;
    word |= code << filled;
    filled += bits;
    if (filled < 32) continue;
    for (let b = 0; b < 4; b++) bytes[at++] = word >>> (8 * b);
    filled -= 32;
    word = filled === 0 ? 0 : code >>> (bits - filled);
  }
  for (; filled > 0; filled -= 8, word >>>= 8) bytes[at++] = word;
  return bytes;
}

/** What a packed look-up table does not say itself. */
export interface PackedForm {
  /** Default `bytes`. */
  packing?: Packing | undefined;
  /** Whether some entries are pruned. Default false. */
  prunes?: boolean;
  /** Number of entries. Default: as many as the bytes hold, which is certain for packing `bytes` only. */
  count?: number;
}

const FORM = optionNames<PackedForm>({ packing: true, prunes: true, count: true });

/**
 * The inverse of {@link packEntries}: the narrowest typed array that holds the rows, or an Int32Array where some are
 * pruned; freshly made.
 *
 * @throws CollideError INVALID_ARGUMENT when `bytes` is not as long as its entries
 * @example
 * ```ts
 * unpackEntries(Uint8Array.of(1, 0, 0, 112, 17, 1), 100_000); // Uint32Array [1, 70000]
 * unpackEntries(Uint8Array.of(0b111001), 4, { packing: 'bits', count: 3 }); // Uint8Array [1, 2, 3]
 * ```
 */
export function unpackEntries(bytes: Uint8Array, rows: number, form: PackedForm = {}): TableEntries {
  checkOptions(form, FORM, 'unpackEntries');
  const { packing = 'bytes', prunes = false } = form;
  if (!(bytes instanceof Uint8Array)) {
    throw new CollideError('INVALID_ARGUMENT', `Expected a Uint8Array for unpackEntries, received ${describe(bytes)}`);
  }
  checkInteger(rows, 1, prunes ? 2 ** 31 : MOST_ROWS, 'rows of packed entries');
  const codes = prunes ? rows + 1 : rows;
  const bits = bitsPerEntry(codes, packing);
  const count = form.count ?? Math.floor((8 * bytes.length) / bits);
  if (bytes.length !== packedBytes(count, bits)) {
    const expected =
      form.count === undefined
        ? `a multiple of ${bits / 8} bytes`
        : `${packedBytes(count, bits)} bytes for ${count} ids`;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected ${expected} of packed entries for ${rows} rows, received ${describe(bytes)}`,
    );
  }
  const unpacked = new Uint32Array(count);
  const mask = bits === 32 ? -1 : (1 << bits) - 1;
  let at = 0;
  let word = 0; // the bits read but not yet used, `left` of them
  let left = 0;
  for (let id = 0; id < count; id++) {
    let code = word;
    if (left >= bits) {
      word >>>= bits;
      left -= bits;
    } else {
      let next = 0;
      for (let b = 0; b < 4; b++) next |= (bytes[at++] ?? 0) << (8 * b);
      code |= next << left;
      const used = bits - left;
      word = used === 32 ? 0 : next >>> used;
      left = 32 - used;
    }
    unpacked[id] = code & mask;
  }
  return prunes ? prunedEntries(unpacked, rows) : narrowed(unpacked, codes);
}

function narrowed(entries: Uint32Array, codes: number): TableEntries {
  if (codes <= 2 ** 8) return new Uint8Array(entries);
  return codes <= 2 ** 16 ? new Uint16Array(entries) : entries;
}
