/**
 * A hash function is plain data: it says which row of an internal table an id uses. A compressed embedding is hash
 * functions x internal tables x a combiner, so a compression method is a choice of these.
 *
 * Ids are 0 .. cardinality - 1, rows 0 .. rows - 1. Everything in this folder is stateless and deterministic.
 */
import { checkInteger, checkObject } from '../errors.ts';

/**
 * Entries of a look-up table: `entries[id]` is a row, or {@link PRUNED} in an Int32Array. Any width may hold rows of any
 * table height.
 */
export type TableEntries = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/**
 * The entry of an id that owns no row: its row counts as zeros and is never trained. Where rows are unsigned
 * ({@link rowsOfAll}, native code) it reads 0xffffffff, which is no row: {@link MOST_ROWS}.
 */
export const PRUNED = -1;

/**
 * How the native tables and files hold the entries of a look-up table: `bytes`, the fewest whole bytes per entry, 1 to
 * 4; `bits`, exactly as many bits as the number of rows needs. Bits take up to half the memory and, while the table fits
 * the cache, twice the time to read, 1.1 against 0.6 ns.
 */
export type Packing = 'bytes' | 'bits';

/** Where a `hot` hash sends the ids that do not own a row. */
export type HotTail = { kind: 'modulo' } | { kind: 'mixed'; seed: number | bigint };

/**
 * id -> row. Heights (`rows`) are whole numbers from 1 to 2^32 - 1; `modulo` and `mixed` may be taller than the
 * cardinality (modulo is then the identity), the surplus rows stay unused. Seeds are 0 to 2^64 - 1.
 *
 * - `identity`: every id its own row, the uncompressed table.
 * - `modulo`: id % rows, the hashing trick as "Learning to Collide" compares against it. Depends on the order of ids.
 * - `mixed`: h(id; seed, rows) of mix.ts. Does not depend on the order of ids.
 * - `quotient`: floor(id / divisor); with `modulo` of the same divisor it makes the compositional embedding.
 * - `mixed-radix`: floor(id / divisor) % rows, one digit of the id. Digits of radices m1, m2, ... (rows m1, divisor 1;
 *   rows m2, divisor m1; rows m3, divisor m1 * m2; ...) tell all ids below their product apart.
 * - `table`: `entries[id]`, one entry per id; what a clustering yields ("Learning to Collide", section 3). Default
 *   packing `bytes`.
 * - `hot`: the k-th of the ascending `ids` owns row k, every other id goes to `ids.length` + its tail hash over the
 *   remaining rows.
 */
export type HashFunction =
  | { kind: 'identity' }
  | { kind: 'modulo'; rows: number }
  | { kind: 'mixed'; rows: number; seed: number | bigint }
  | { kind: 'quotient'; divisor: number }
  | { kind: 'mixed-radix'; divisor: number; rows: number }
  | { kind: 'table'; rows: number; entries: TableEntries; packing?: Packing }
  | { kind: 'hot'; rows: number; ids: Uint32Array; tail: HotTail };

/** Most ids of a feature and most rows of an internal table: both are 32-bit in native code, where 2^32 - 1 is no row. */
export const MOST_ROWS = 2 ** 32 - 1;

/**
 * Rows of the internal table that a hash function addresses.
 *
 * @example
 * ```ts
 * rowCount({ kind: 'quotient', divisor: 4 }, 10); // 3
 * ```
 */
export function rowCount(hash: HashFunction, cardinality: number): number {
  checkObject(hash, 'rowCount');
  checkInteger(cardinality, 1, MOST_ROWS, 'the cardinality of rowCount');
  if (hash.kind === 'identity') return cardinality;
  return hash.kind === 'quotient' ? Math.ceil(cardinality / hash.divisor) : hash.rows;
}
