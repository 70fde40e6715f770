/** Checks of hash functions that come from outside: each message says what was expected, what came and where. */
import { CollideError, checkInteger, checkOneOf, checkOptions, describe } from '../errors.ts';
import { type HashFunction, type HotTail, MOST_ROWS, type Packing, PRUNED } from './hash_function.ts';

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

const PACKINGS: readonly Packing[] = ['bytes', 'bits'];

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
  const typed =
    entries instanceof Uint8Array ||
    entries instanceof Uint16Array ||
    entries instanceof Uint32Array ||
    entries instanceof Int32Array;
  if (!typed || entries.length !== cardinality) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected entries of ${where} to be a Uint8Array, Uint16Array, Uint32Array or Int32Array of length ${cardinality} ` +
        `(one row per id), received ${describe(entries)}`,
    );
  }
  for (let id = 0; id < entries.length; id++) {
    if (entries[id]! < rows && entries[id]! >= PRUNED) continue;
    const pruned = entries instanceof Int32Array ? ` or ${PRUNED} (pruned)` : '';
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected every entry of ${where} to be a row below ${rows}${pruned}, received ${entries[id]} for id ${id}`,
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
