/** Which row an id has: one by one by the definition, or all of them. */
import { CollideError, describe } from '../errors.ts';
import { checkHashFunction, checkHashParts } from './check.ts';
import type { HashFunction } from './hash_function.ts';
import { mixedHasher, mixedRow } from './mix.ts';

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
  checkHashParts(hash, cardinality, 'rowOf');
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
    case 'mixed-radix':
      return Math.floor(id / hash.divisor) % hash.rows;
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
    case 'mixed-radix':
      return fill((id) => Math.floor(id / hash.divisor) % hash.rows);
    case 'table':
      rows.set(hash.entries); // PRUNED becomes 0xffffffff
      return rows;
    case 'hot': {
      const { ids, tail } = hash;
      const tailRows = Math.max(1, hash.rows - ids.length); // with all ids hot no tail is asked
      const cold = tail.kind === 'mixed' ? mixedHasher(BigInt(tail.seed), tailRows) : (id: number) => id % tailRows;
      let next = 0;
      return fill((id) => (ids[next] === id ? next++ : ids.length + cold(id)));
    }
  }
}
