import { describe, expect, it } from 'vitest';
import { CollideError } from '../../lib/errors.ts';
import { checkHashFunction, type HashFunction, MOST_ROWS, rowsOfAll } from '../../lib/hashing/index.ts';

const where = 'hashes[0] of feature "movie"';

function failure(hash: unknown, cardinality: unknown = 10): CollideError {
  try {
    checkHashFunction(hash as HashFunction, cardinality as number, where);
  } catch (error) {
    expect(error).toBeInstanceOf(CollideError);
    return error as CollideError;
  }
  throw new Error('expected checkHashFunction to throw');
}

describe('checkHashFunction', () => {
  const ids = Uint32Array.of(1, 4);
  const tail = { kind: 'modulo' };

  it.each<[string, unknown, string]>([
    ['no object', 'modulo', 'received "modulo" of type string'],
    ['null', null, 'received null'],
    ['an array', [], 'received an array of length 0'],
    ['no kind', {}, 'the kind of hashes[0]'],
    ['an unknown kind', { kind: 'modulus', rows: 3 }, 'Did you mean "modulo"?'],
    ['0 rows', { kind: 'modulo', rows: 0 }, 'from 1 to 4294967295 for rows of hashes[0] of feature "movie"'],
    ['fractional rows', { kind: 'modulo', rows: 2.5 }, 'received 2.5'],
    ['negative rows', { kind: 'mixed', rows: -3, seed: 1 }, 'received -3'],
    ['2^32 rows', { kind: 'modulo', rows: 2 ** 32 }, 'received 4294967296'],
    ['NaN rows', { kind: 'hot', rows: Number.NaN, ids, tail }, 'received NaN'],
    ['rows as text', { kind: 'modulo', rows: '10' }, 'received "10" of type string'],
    ['no rows', { kind: 'table', entries: new Uint8Array(10) }, 'rows of hashes[0]'],
    ['mixed without seed', { kind: 'mixed', rows: 3 }, 'seed of hashes[0] of feature "movie", received undefined'],
    ['a negative seed', { kind: 'mixed', rows: 3, seed: -1 }, 'received -1'],
    ['a fractional seed', { kind: 'mixed', rows: 3, seed: 0.5 }, 'received 0.5'],
    ['an unsafe seed', { kind: 'mixed', rows: 3, seed: 2 ** 53 }, 'received 9007199254740992'],
    ['a seed of 65 bits', { kind: 'mixed', rows: 3, seed: 2n ** 64n }, 'received 18446744073709551616 of type bigint'],
    ['divisor 0', { kind: 'quotient', divisor: 0 }, 'divisor of hashes[0]'],
    ['digit 0', { kind: 'mixed-radix', divisor: 0, rows: 3 }, 'divisor of hashes[0]'],
    ['a divisor of 2^32', { kind: 'mixed-radix', divisor: 2 ** 32, rows: 3 }, 'received 4294967296'],
    ['a digit without radix', { kind: 'mixed-radix', divisor: 2 }, 'rows of hashes[0] of feature "movie"'],
    ['no divisor', { kind: 'quotient' }, 'received undefined'],
    ['entries as an array', { kind: 'table', rows: 3, entries: [0, 1] }, 'received an array of length 2'],
    ['entries of 8 bits with a sign', { kind: 'table', rows: 3, entries: new Int8Array(10) }, 'received Int8Array of'],
    ['fractions', { kind: 'table', rows: 3, entries: new Float32Array(10) }, 'received Float32Array of length 10'],
    ['too few entries', { kind: 'table', rows: 3, entries: new Uint8Array(9) }, 'of length 10 (one row per id)'],
    [
      'an entry outside the table',
      { kind: 'table', rows: 3, entries: Uint8Array.of(0, 1, 2, 0, 0, 3, 0, 0, 0, 0) },
      'a row below 3, received 3 for id 5',
    ],
    [
      'an entry below pruned',
      { kind: 'table', rows: 3, entries: Int32Array.of(0, -1, -2, 0, 0, 0, 0, 0, 0, 0) },
      'a row below 3 or -1 (pruned), received -2 for id 2',
    ],
    [
      'the code of pruned as an entry',
      { kind: 'table', rows: 3, entries: Int32Array.of(0, -1, 3, 0, 0, 0, 0, 0, 0, 0) },
      'received 3 for id 2',
    ],
    ['an unknown packing', { kind: 'table', rows: 3, entries: new Uint8Array(10), packing: 'bit' }, 'mean "bits"?'],
    ['ids as an array', { kind: 'hot', rows: 5, ids: [1], tail }, 'Uint32Array of ascending ids'],
    ['an id out of range', { kind: 'hot', rows: 5, ids: Uint32Array.of(1, 10), tail }, 'received 10 at position 1'],
    ['descending ids', { kind: 'hot', rows: 5, ids: Uint32Array.of(4, 1), tail }, 'received 1 after 4 at position 1'],
    ['repeated ids', { kind: 'hot', rows: 5, ids: Uint32Array.of(4, 4), tail }, 'received 4 after 4'],
    ['as many hot ids as rows', { kind: 'hot', rows: 2, ids, tail }, 'at least 3 (one for each of 2 hot ids'],
    ['more hot ids than rows', { kind: 'hot', rows: 1, ids, tail }, 'for the 8 other ids), received 1'],
    ['no tail', { kind: 'hot', rows: 5, ids }, 'tail of hashes[0] of feature "movie", received undefined'],
    ['an unknown tail', { kind: 'hot', rows: 5, ids, tail: { kind: 'mix' } }, 'the kind of tail of hashes[0]'],
    ['a mixed tail without seed', { kind: 'hot', rows: 5, ids, tail: { kind: 'mixed' } }, 'seed of tail of hashes[0]'],
  ])('refuses %s', (_, hash, message) => {
    const error = failure(hash);
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain(message);
  });

  it.each<[string, unknown, string]>([
    ['a misspelt key', { kind: 'modulo', row: 3, rows: 3 }, 'Unknown option "row"'],
    ['a key of another kind', { kind: 'modulo', rows: 3, divisor: 2 }, 'Unknown option "divisor"'],
    ['packing of what has no entries', { kind: 'modulo', rows: 3, packing: 'bits' }, 'Unknown option "packing"'],
    ['a misspelt key of the tail', { kind: 'hot', rows: 5, ids, tail: { kind: 'mixed', sed: 1 } }, '"seed"'],
  ])('refuses %s', (_, hash, message) => {
    const error = failure(hash);
    expect(error.code).toBe('UNKNOWN_OPTION');
    expect(error.message).toContain(message);
  });

  it.each([0, -1, 1.5, 2 ** 32, Number.NaN, '10', null])('refuses the cardinality %s', (cardinality) => {
    expect(failure({ kind: 'identity' }, cardinality).message).toContain('the cardinality of hashes[0]');
  });

  it('accepts a cardinality of 1 and every id hot', () => {
    checkHashFunction({ kind: 'modulo', rows: 1 }, 1, where);
    const hash: HashFunction = { kind: 'hot', rows: 3, ids: Uint32Array.of(0, 1, 2), tail: { kind: 'modulo' } };
    checkHashFunction(hash, 3, where);
    expect(rowsOfAll(hash, 3)).toEqual(Uint32Array.of(0, 1, 2));
  });

  it('accepts the tallest tables and the most ids, but not one more', () => {
    checkHashFunction({ kind: 'mixed', rows: MOST_ROWS, seed: 1 }, MOST_ROWS, where);
    checkHashFunction({ kind: 'mixed-radix', divisor: MOST_ROWS, rows: MOST_ROWS }, MOST_ROWS, where);
    expect(failure({ kind: 'identity' }, MOST_ROWS + 1).code).toBe('INVALID_ARGUMENT');
  });

  it('accepts tables of which some, all or no ids are pruned', () => {
    for (const entries of [Int32Array.of(-1, 2, 0), Int32Array.of(-1, -1, -1), Int32Array.of(0, 1, 2)]) {
      checkHashFunction({ kind: 'table', rows: 3, entries, packing: 'bits' }, 3, where);
    }
  });
});
