/**
 * A hash function is plain data: it says which row of an internal table an id uses. A compressed embedding is hash
 * functions x internal tables x a combiner, so a compression method is a choice of these.
 *
 * Ids are 0 .. cardinality - 1, rows 0 .. rows - 1. Everything here is stateless and deterministic.
 */
import { CollideError, checkInteger, checkOneOf, checkOptions, describe } from '../errors.ts';
import { mixedHasher, mixedRow } from './mix.ts';

/** Entries of a look-up table: `entries[id]` is a row. Any of the three widths may hold rows of any table height. */
export type TableEntries = Uint8Array | Uint16Array | Uint32Array;

/** Where a `hot` hash sends the ids that do not own a row. */
export type HotTail = { kind: 'modulo' } | { kind: 'mixed'; seed: number | bigint };

/**
 * id -> row. Heights (`rows`) are whole numbers from 1 to 2^32; `modulo` and `mixed` may be taller than the
 * cardinality (modulo is then the identity), the surplus rows stay unused. Seeds are 0 to 2^64 - 1.
 *
 * - `identity`: every id its own row, the uncompressed table.
 * - `modulo`: id % rows, the hashing trick as "Learning to Collide" compares against it. Depends on the order of ids.
 * - `mixed`: h(id; seed, rows) of mix.ts. Does not depend on the order of ids.
 * - `quotient`: floor(id / divisor); with `modulo` of the same divisor it makes the compositional embedding.
 * - `table`: `entries[id]`, one entry per id; what a clustering yields ("Learning to Collide", section 3).
 * - `hot`: the k-th of the ascending `ids` owns row k, every other id goes to `ids.length` + its tail hash over the
 *   remaining rows.
 */
export type HashFunction =
  | { kind: 'identity' }
  | { kind: 'modulo'; rows: number }
  | { kind: 'mixed'; rows: number; seed: number | bigint }
  | { kind: 'quotient'; divisor: number }
  | { kind: 'table'; rows: number; entries: TableEntries }
  | { kind: 'hot'; rows: number; ids: Uint32Array; tail: HotTail };

/** Most ids of a feature and most rows of an internal table: both are 32-bit in native code. */
export const MOST_ROWS = 2 ** 32;

const KEYS: Record<HashFunction['kind'], readonly string[]> = {
  identity: ['kind'],
  modulo: ['kind', 'rows'],
  mixed: ['kind', 'rows', 'seed'],
  quotient: ['kind', 'divisor'],
  table: ['kind', 'rows', 'entries'],
  hot: ['kind', 'rows', 'ids', 'tail'],
};

/** The names of all kinds of {@link HashFunction}. */
export const HASH_KINDS = Object.keys(KEYS) as readonly HashFunction['kind'][];

/**
 * Checks a hash function that came from outside: O(cardinality) for `table`, O(hot ids) for `hot`, otherwise O(1).
 *
 * @param where - what the message names, e.g. `hashes[0] of feature "movie"`
 * @throws CollideError INVALID_ARGUMENT (also for an unknown kind, with the nearest one), UNKNOWN_OPTION for a
 * misspelt key
 * @example
 * ```ts
 * checkHashFunction({ kind: 'modulo', rows: 100 }, 9066, 'hashes[0] of feature "movie"');
 * ```
 */
export function checkHashFunction(hash: HashFunction, cardinality: number, where: string): void {
  checkInteger(cardinality, 1, MOST_ROWS, `the cardinality of ${where}`);
  checkObject(hash, where);
  checkOneOf(hash.kind, HASH_KINDS, `the kind of ${where}`);
  checkOptions(hash, KEYS[hash.kind], where);
  switch (hash.kind) {
    case 'identity':
      return;
    case 'quotient':
      checkInteger(hash.divisor, 1, MOST_ROWS, `divisor of ${where}`);
      return;
    case 'modulo':
      checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
      return;
    case 'mixed':
      checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
      checkSeed(hash.seed, `seed of ${where}`);
      return;
    case 'table':
      checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
      checkEntries(hash.entries, hash.rows, cardinality, where);
      return;
    case 'hot':
      checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
      checkHot(hash.ids, hash.rows, cardinality, where);
      checkTail(hash.tail, where);
      return;
  }
}

function checkObject(value: unknown, where: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a hash function such as { kind: "modulo", rows: 100 } for ${where}, received ${describe(value)}`,
  );
}

function checkSeed(seed: unknown, where: string): void {
  const whole = typeof seed === 'bigint' ? seed <= 0xffff_ffff_ffff_ffffn : Number.isSafeInteger(seed);
  if (whole && (seed as number | bigint) >= 0) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a whole number from 0 to 2^53 - 1, or a bigint below 2^64, for ${where}, received ${describe(seed)}`,
  );
}

function checkEntries(entries: unknown, rows: number, cardinality: number, where: string): void {
  const typed = entries instanceof Uint8Array || entries instanceof Uint16Array || entries instanceof Uint32Array;
  if (!typed || entries.length !== cardinality) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected entries of ${where} to be a Uint8Array, Uint16Array or Uint32Array of length ${cardinality} ` +
        `(one row per id), received ${describe(entries)}`,
    );
  }
  for (let id = 0; id < entries.length; id++) {
    if (entries[id]! < rows) continue;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected every entry of ${where} to be a row below ${rows}, received ${entries[id]} for id ${id}`,
    );
  }
}

function checkHot(ids: unknown, rows: number, cardinality: number, where: string): void {
  if (!(ids instanceof Uint32Array)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected ids of ${where} to be a Uint32Array of ascending ids, received ${describe(ids)}`,
    );
  }
  for (let k = 0; k < ids.length; k++) {
    const id = ids[k]!;
    if (id >= cardinality) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected ids of ${where} to be below the cardinality ${cardinality}, received ${id} at position ${k}`,
      );
    }
    if (k > 0 && id <= ids[k - 1]!) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected ids of ${where} to ascend without repeats, received ${id} after ${ids[k - 1]} at position ${k}`,
      );
    }
  }
  const needed = ids.length + (ids.length < cardinality ? 1 : 0);
  if (rows < needed) {
    const tail = needed > ids.length ? ` and at least one for the ${cardinality - ids.length} other ids` : '';
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected rows of ${where} to be at least ${needed} (one for each of ${ids.length} hot ids${tail}), received ${rows}`,
    );
  }
}

function checkTail(tail: unknown, where: string): void {
  if (typeof tail !== 'object' || tail === null || Array.isArray(tail)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected { kind: "modulo" } or { kind: "mixed", seed } for tail of ${where}, received ${describe(tail)}`,
    );
  }
  const kind = checkOneOf((tail as HotTail).kind, ['modulo', 'mixed'], `the kind of tail of ${where}`);
  checkOptions(tail, kind === 'mixed' ? ['kind', 'seed'] : ['kind'], `tail of ${where}`);
  if (kind === 'mixed') checkSeed((tail as { seed: unknown }).seed, `seed of tail of ${where}`);
}

/**
 * Rows of the internal table that a hash function addresses.
 *
 * @example
 * ```ts
 * rowCount({ kind: 'quotient', divisor: 4 }, 10); // 3
 * ```
 */
export function rowCount(hash: HashFunction, cardinality: number): number {
  if (hash.kind === 'identity') return cardinality;
  return hash.kind === 'quotient' ? Math.ceil(cardinality / hash.divisor) : hash.rows;
}

/**
 * The row of one id, by the definition: the slow reference of the native lookups. The hash function must have passed
 * {@link checkHashFunction}.
 *
 * @throws CollideError INVALID_INDEX unless `id` is a whole number below `cardinality`
 * @example
 * ```ts
 * rowOf({ kind: 'hot', rows: 4, ids: Uint32Array.of(2, 7), tail: { kind: 'modulo' } }, 7, 10); // 1
 * ```
 */
export function rowOf(hash: HashFunction, id: number, cardinality: number): number {
  if (!Number.isInteger(id) || id < 0 || id >= cardinality) {
    throw new CollideError('INVALID_INDEX', `Expected an id from 0 to ${cardinality - 1}, received ${describe(id)}`);
  }
  switch (hash.kind) {
    case 'identity':
      return id;
    case 'modulo':
      return id % hash.rows;
    case 'mixed':
      return Number(mixedRow(BigInt(id), BigInt(hash.seed), BigInt(hash.rows)));
    case 'quotient':
      return Math.floor(id / hash.divisor);
    case 'table':
      return hash.entries[id]!;
    case 'hot': {
      const rank = hash.ids.indexOf(id);
      if (rank >= 0) return rank;
      const tailRows = hash.rows - hash.ids.length;
      const tail: HashFunction =
        hash.tail.kind === 'mixed'
          ? { kind: 'mixed', rows: tailRows, seed: hash.tail.seed }
          : { kind: 'modulo', rows: tailRows };
      return hash.ids.length + rowOf(tail, id, cardinality);
    }
  }
}

/**
 * The rows of all ids, [cardinality]: what another trainer needs to use any hash function as a look-up table. O(n),
 * 1 to 60 ns per id. The hash function must have passed {@link checkHashFunction}.
 *
 * @example
 * ```ts
 * rowsOfAll({ kind: 'modulo', rows: 2 }, 5); // Uint32Array [0, 1, 0, 1, 0]
 * ```
 */
export function rowsOfAll(hash: HashFunction, cardinality: number): Uint32Array {
  const rows = new Uint32Array(cardinality);
  const fill = (row: (id: number) => number) => {
    for (let id = 0; id < cardinality; id++) rows[id] = row(id);
    return rows;
  };
  switch (hash.kind) {
    case 'identity':
      return fill((id) => id);
    case 'modulo':
      return fill((id) => id % hash.rows);
    case 'mixed':
      return fill(mixedHasher(BigInt(hash.seed), hash.rows));
    case 'quotient':
      return fill((id) => Math.floor(id / hash.divisor));
    case 'table':
      rows.set(hash.entries);
      return rows;
    case 'hot': {
      const { ids, tail } = hash;
      const tailRows = hash.rows - ids.length;
      const cold = tail.kind === 'mixed' ? mixedHasher(BigInt(tail.seed), tailRows) : (id: number) => id % tailRows;
      let next = 0;
      return fill((id) => (ids[next] === id ? next++ : ids.length + cold(id)));
    }
  }
}
