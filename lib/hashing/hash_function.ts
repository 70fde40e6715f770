/**
 * What can be done with a hash function of any kind. Everything in this folder is stateless and deterministic; what differs
 * between kinds stands in kinds/NAME.ts.
 */
import { CollideError, checkInteger, checkObject, checkOptions, checkText, describe } from '../errors.ts';
import type { TensorInput } from '../files/index.ts';
import type { NativeHash } from '../native.ts';
import { fillRows, type HashKind, MOST_ROWS, type StoredHash } from './hash_kind.ts';
import { type HashFunction, hashKinds } from './kinds/index.ts';

/** @throws CollideError INVALID_ARGUMENT for what is no hash function, or of an unknown kind, with the nearest one */
function kindOf(hash: HashFunction, where: string): HashKind {
  checkObject(hash, `${where}, a hash function such as { kind: "modulo", rows: 100 }`);
  return hashKinds.get(hash.kind, `the kind of ${where}`);
}

/** The kind of a hash function whose parts are checked, but for the numbers in its arrays: O(1). */
function checkedKind(hash: HashFunction, cardinality: number, where: string): HashKind {
  checkInteger(cardinality, 1, MOST_ROWS, `the cardinality of ${where}`);
  const kind = kindOf(hash, where);
  kind.check(hash, cardinality, where);
  return kind;
}

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
  const kind = kindOf(hash, where);
  checkOptions(hash, kind.keys, where);
  kind.check(hash, cardinality, where);
  kind.checkArrays?.(hash, cardinality, where);
}

/**
 * Rows of the internal table that a hash function addresses.
 *
 * @throws CollideError as {@link checkHashFunction}, but that the numbers in arrays are not looked at
 * @example
 * ```ts
 * rowCount({ kind: 'quotient', divisor: 4 }, 10); // 3
 * ```
 */
export function rowCount(hash: HashFunction, cardinality: number): number {
  return checkedKind(hash, cardinality, 'rowCount').rowCount(hash, cardinality);
}

/** Whether every id owns its row under a hash function: its table is not compressed. */
export function isWhole(hash: HashFunction): boolean {
  return kindOf(hash, 'isWhole').whole === true;
}

/**
 * Bytes that the hash function itself needs at inference, beside the rows: `table` its packed entries, `hot` 64 bytes
 * per 448 ids, a bit for each and the ranks (nothing when every id is hot: that is the identity), the others none. Every
 * reported size counts them.
 *
 * @throws CollideError as {@link rowCount}
 * @example
 * ```ts
 * mappingBytes({ kind: 'modulo', rows: 10 }, 1000); // 0
 * ```
 */
export function mappingBytes(hash: HashFunction, cardinality: number): number {
  return checkedKind(hash, cardinality, 'mappingBytes').mappingBytes?.(hash, cardinality) ?? 0;
}

/**
 * The row of one id, by the definition: the slow reference of the native lookups. {@link PRUNED} for an id that owns
 * none. The hash function must have passed {@link checkHashFunction}.
 *
 * @throws CollideError INVALID_INDEX unless `id` is a whole number below `cardinality`
 * @example
 * ```ts
 * rowOf({ kind: 'hot', rows: 4, ids: Uint32Array.of(2, 7), tail: { kind: 'modulo' } }, 7, 10); // 1
 * ```
 */
export function rowOf(hash: HashFunction, id: number, cardinality: number): number {
  const kind = checkedKind(hash, cardinality, 'rowOf');
  if (!Number.isInteger(id) || id < 0 || id >= cardinality) {
    throw new CollideError('INVALID_INDEX', `Expected an id from 0 to ${cardinality - 1}, received ${describe(id)}`);
  }
  return kind.rowOf(hash, id, cardinality);
}

/**
 * The rows of all ids, [cardinality]: what another trainer needs to use any hash function as a look-up table. A pruned
 * id has 0xffffffff ({@link PRUNED} as an unsigned number). O(n), 1 to 60 ns per id.
 *
 * @throws CollideError as {@link checkHashFunction}
 * @example
 * ```ts
 * rowsOfAll({ kind: 'modulo', rows: 2 }, 5); // Uint32Array [0, 1, 0, 1, 0]
 * ```
 */
export function rowsOfAll(hash: HashFunction, cardinality: number): Uint32Array {
  checkHashFunction(hash, cardinality, 'rowsOfAll');
  const kind = kindOf(hash, 'rowsOfAll');
  const rows = new Uint32Array(cardinality);
  if (kind.fillRows) kind.fillRows(hash, rows);
  else fillRows(rows, (id) => kind.rowOf(hash, id, cardinality));
  return rows;
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
  return checkedKind(hash, cardinality, 'nativeHash').nativeForm(hash, cardinality);
}

/** The stored form of a hash function; its array, if it has one, becomes `tensors[name]`. */
export function storeHash(hash: HashFunction, name: string, tensors: Record<string, TensorInput>): StoredHash {
  const kind = kindOf(hash, 'storeHash');
  return kind.store?.(hash, name, tensors) ?? { ...hash };
}

/**
 * The inverse of {@link storeHash}; what comes back is still to be checked.
 *
 * @throws Error when a part is missing, CollideError INVALID_ARGUMENT for a kind that this program does not know
 */
export function restoreHash(
  stored: StoredHash,
  cardinality: number,
  name: string,
  tensors: Readonly<Record<string, TensorInput>>,
): HashFunction {
  const kind = kindOf(stored as HashFunction, 'a stored hash function');
  return (kind.restore?.(stored, cardinality, name, tensors) ?? stored) as HashFunction;
}
