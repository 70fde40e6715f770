/** Checks of hash functions that come from outside: each message says what was expected, what came and where. */
import {
  CollideError,
  checkInteger,
  checkObject,
  checkOneOf,
  checkOptions,
  checkSeed,
  checkText,
  describe,
} from '../errors.ts';
import {
  type HashFunction,
  type HotTail,
  MOST_ROWS,
  type Packing,
  PRUNED,
  type TableEntries,
} from './hash_function.ts';

const KEYS: Record<HashFunction['kind'], readonly string[]> = {
  identity: ['kind'],
  modulo: ['kind', 'rows'],
  mixed: ['kind', 'rows', 'seed'],
  quotient: ['kind', 'divisor'],
  'mixed-radix': ['kind', 'divisor', 'rows'],
  table: ['kind', 'rows', 'entries', 'packing'],
  hot: ['kind', 'rows', 'ids', 'tail'],
};

/** The names of all kinds of {@link HashFunction}. */
export const HASH_KINDS = Object.keys(KEYS) as readonly HashFunction['kind'][];

/** How the entries of a look-up table lie in memory. */
export const PACKINGS: readonly Packing[] = ['bytes', 'bits'];

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
  checkText(where, 'what checkHashFunction names (where)');
  checkInteger(cardinality, 1, MOST_ROWS, `the cardinality of ${where}`);
  checkObject(hash, `${where}, a hash function such as { kind: "modulo", rows: 100 }`);
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
    case 'mixed-radix':
      checkInteger(hash.divisor, 1, MOST_ROWS, `divisor of ${where}`);
      checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
      return;
    case 'mixed':
      checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
      checkSeed(hash.seed, `seed of ${where}`);
      return;
    case 'table':
      checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
      if (hash.packing !== undefined) checkOneOf(hash.packing, PACKINGS, `packing of ${where}`);
      checkEntries(hash.entries, hash.rows, cardinality, where);
      return;
    case 'hot':
      checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
      checkHot(hash.ids, hash.rows, cardinality, where);
      checkTail(hash.tail, where);
      return;
  }
}

/**
 * That a hash function has the parts of its kind, without a look at the numbers in its arrays: O(1), for what is called
 * often.
 *
 * @throws CollideError as {@link checkHashFunction}
 */
export function checkHashParts(hash: HashFunction, cardinality: number, where: string): void {
  checkInteger(cardinality, 1, MOST_ROWS, `the cardinality of ${where}`);
  checkObject(hash, `${where}, a hash function such as { kind: "modulo", rows: 100 }`);
  checkOneOf(hash.kind, HASH_KINDS, `the kind of ${where}`);
  if ('rows' in hash) checkInteger(hash.rows, 1, MOST_ROWS, `rows of ${where}`);
  if ('divisor' in hash) checkInteger(hash.divisor, 1, MOST_ROWS, `divisor of ${where}`);
  if (hash.kind === 'mixed') checkSeed(hash.seed, `seed of ${where}`);
  if (hash.kind === 'table') checkEntryArray(hash.entries, cardinality, where);
  if (hash.kind === 'hot') {
    checkIdArray(hash.ids, where);
    checkTail(hash.tail, where);
  }
}

/** Whether a value is of a type that holds the entries of a look-up table. */
export function isEntries(value: unknown): value is TableEntries {
  return (
    value instanceof Uint8Array ||
    value instanceof Uint16Array ||
    value instanceof Uint32Array ||
    value instanceof Int32Array
  );
}

function checkEntryArray(entries: unknown, cardinality: number, where: string): asserts entries is TableEntries {
  if (!isEntries(entries) || entries.length !== cardinality) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected entries of ${where} to be a Uint8Array, Uint16Array, Uint32Array or Int32Array of length ${cardinality} ` +
        `(one row per id), received ${describe(entries)}`,
    );
  }
}

function checkEntries(entries: unknown, rows: number, cardinality: number, where: string): void {
  checkEntryArray(entries, cardinality, where);
  for (let id = 0; id < entries.length; id++) {
    if (entries[id]! < rows && entries[id]! >= PRUNED) continue;
    const pruned = entries instanceof Int32Array ? ` or ${PRUNED} (pruned)` : '';
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected every entry of ${where} to be a row below ${rows}${pruned}, received ${entries[id]} for id ${id}`,
    );
  }
}

function checkIdArray(ids: unknown, where: string): asserts ids is Uint32Array {
  if (ids instanceof Uint32Array) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected ids of ${where} to be a Uint32Array of ascending ids, received ${describe(ids)}`,
  );
}

function checkHot(ids: unknown, rows: number, cardinality: number, where: string): void {
  checkIdArray(ids, where);
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
