import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CollideError } from '../../lib/errors.ts';
import { checkHashFunction, type HashFunction, rowCount, rowOf, rowsOfAll } from '../../lib/hashing/index.ts';
import { hashAndCardinality } from './arbitrary.ts';

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

describe('rows of ids', () => {
  const all = (hash: HashFunction, cardinality: number) =>
    Array.from({ length: cardinality }, (_, id) => rowOf(hash, id, cardinality));

  it('identity keeps ids', () => {
    expect(all({ kind: 'identity' }, 4)).toEqual([0, 1, 2, 3]);
  });

  it('modulo wraps, and is the identity when there are at least as many rows as ids', () => {
    expect(all({ kind: 'modulo', rows: 3 }, 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
    expect(all({ kind: 'modulo', rows: 7 }, 7)).toEqual(all({ kind: 'identity' }, 7));
    expect(all({ kind: 'modulo', rows: 100 }, 7)).toEqual(all({ kind: 'identity' }, 7));
  });

  it('quotient divides; the last row may be short', () => {
    expect(all({ kind: 'quotient', divisor: 3 }, 7)).toEqual([0, 0, 0, 1, 1, 1, 2]);
    expect(rowCount({ kind: 'quotient', divisor: 3 }, 7)).toBe(3);
    expect(rowCount({ kind: 'quotient', divisor: 100 }, 7)).toBe(1);
  });

  it('quotient and modulo of the same divisor name every id differently', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 600 }), (cardinality, divisor) => {
        const quotients = rowsOfAll({ kind: 'quotient', divisor }, cardinality);
        const remainders = rowsOfAll({ kind: 'modulo', rows: divisor }, cardinality);
        const pairs = new Set(Array.from(quotients, (q, id) => `${q},${remainders[id]}`));
        expect(pairs.size).toBe(cardinality);
      }),
    );
  });

  it('hot ids own rows in their order, the others share what is left', () => {
    const ids = Uint32Array.of(2, 5);
    expect(all({ kind: 'hot', rows: 5, ids, tail: { kind: 'modulo' } }, 8)).toEqual([2, 3, 0, 2, 3, 1, 2, 3]);
  });

  it('hot without hot ids is its tail bit for bit', () => {
    const ids = new Uint32Array(0);
    const hot = rowsOfAll({ kind: 'hot', rows: 50, ids, tail: { kind: 'mixed', seed: 9 } }, 1000);
    expect(hot).toEqual(rowsOfAll({ kind: 'mixed', rows: 50, seed: 9 }, 1000));
  });

  it('takes seeds as number or bigint', () => {
    const asNumber = rowsOfAll({ kind: 'mixed', rows: 50, seed: 123 }, 200);
    expect(asNumber).toEqual(rowsOfAll({ kind: 'mixed', rows: 50, seed: 123n }, 200));
  });

  it('valid hash functions pass the check, stay below rowCount and agree in bulk and one by one', () => {
    fc.assert(
      fc.property(hashAndCardinality, ({ hash, cardinality }) => {
        checkHashFunction(hash, cardinality, where);
        const rows = rowCount(hash, cardinality);
        const bulk = rowsOfAll(hash, cardinality);
        for (let id = 0; id < cardinality; id++) {
          expect(bulk[id]).toBeLessThan(rows);
          expect(bulk[id]).toBe(rowOf(hash, id, cardinality));
        }
        if (hash.kind === 'hot') {
          const owners = new Set(hash.ids);
          bulk.forEach((row, id) => {
            expect(row < hash.ids.length).toBe(owners.has(id));
          });
        }
      }),
    );
  });

  it('bulk equals the BigInt reference on a tall vocabulary', () => {
    const hash: HashFunction = { kind: 'mixed', rows: 2 ** 31 + 11, seed: 2n ** 64n - 1n };
    const bulk = rowsOfAll(hash, 20_000);
    for (let id = 0; id < bulk.length; id += 7) expect(bulk[id]).toBe(rowOf(hash, id, bulk.length));
  });

  it.each([-1, 0.5, 10, Number.NaN, Number.POSITIVE_INFINITY])('refuses the id %d', (id) => {
    expect(() => rowOf({ kind: 'identity' }, id, 10)).toThrowError(
      expect.objectContaining({ code: 'INVALID_INDEX', message: expect.stringContaining('from 0 to 9') }),
    );
  });
});

describe('checkHashFunction', () => {
  const ids = Uint32Array.of(1, 4);
  const tail = { kind: 'modulo' };

  it.each<[string, unknown, string]>([
    ['no object', 'modulo', 'received "modulo" of type string'],
    ['null', null, 'received null'],
    ['an array', [], 'received an array of length 0'],
    ['no kind', {}, 'the kind of hashes[0]'],
    ['an unknown kind', { kind: 'modulus', rows: 3 }, 'Did you mean "modulo"?'],
    ['0 rows', { kind: 'modulo', rows: 0 }, 'from 1 to 4294967296 for rows of hashes[0] of feature "movie"'],
    ['fractional rows', { kind: 'modulo', rows: 2.5 }, 'received 2.5'],
    ['negative rows', { kind: 'mixed', rows: -3, seed: 1 }, 'received -3'],
    ['rows above 2^32', { kind: 'modulo', rows: 2 ** 32 + 1 }, 'received 4294967297'],
    ['NaN rows', { kind: 'hot', rows: Number.NaN, ids, tail }, 'received NaN'],
    ['rows as text', { kind: 'modulo', rows: '10' }, 'received "10" of type string'],
    ['no rows', { kind: 'table', entries: new Uint8Array(10) }, 'rows of hashes[0]'],
    ['mixed without seed', { kind: 'mixed', rows: 3 }, 'seed of hashes[0] of feature "movie", received undefined'],
    ['a negative seed', { kind: 'mixed', rows: 3, seed: -1 }, 'received -1'],
    ['a fractional seed', { kind: 'mixed', rows: 3, seed: 0.5 }, 'received 0.5'],
    ['an unsafe seed', { kind: 'mixed', rows: 3, seed: 2 ** 53 }, 'received 9007199254740992'],
    ['a seed of 65 bits', { kind: 'mixed', rows: 3, seed: 2n ** 64n }, 'received 18446744073709551616 of type bigint'],
    ['divisor 0', { kind: 'quotient', divisor: 0 }, 'divisor of hashes[0]'],
    ['no divisor', { kind: 'quotient' }, 'received undefined'],
    ['entries as an array', { kind: 'table', rows: 3, entries: [0, 1] }, 'received an array of length 2'],
    ['signed entries', { kind: 'table', rows: 3, entries: new Int32Array(10) }, 'received Int32Array of length 10'],
    ['too few entries', { kind: 'table', rows: 3, entries: new Uint8Array(9) }, 'of length 10 (one row per id)'],
    [
      'an entry outside the table',
      { kind: 'table', rows: 3, entries: Uint8Array.of(0, 1, 2, 0, 0, 3, 0, 0, 0, 0) },
      'a row below 3, received 3 for id 5',
    ],
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
    ['a misspelt key of the tail', { kind: 'hot', rows: 5, ids, tail: { kind: 'mixed', sed: 1 } }, '"seed"'],
  ])('refuses %s', (_, hash, message) => {
    const error = failure(hash);
    expect(error.code).toBe('UNKNOWN_OPTION');
    expect(error.message).toContain(message);
  });

  it.each([0, -1, 1.5, 2 ** 32 + 1, Number.NaN, '10', null])('refuses the cardinality %s', (cardinality) => {
    expect(failure({ kind: 'identity' }, cardinality).message).toContain('the cardinality of hashes[0]');
  });

  it('accepts a cardinality of 1 and every id hot', () => {
    checkHashFunction({ kind: 'modulo', rows: 1 }, 1, where);
    const hash: HashFunction = { kind: 'hot', rows: 3, ids: Uint32Array.of(0, 1, 2), tail: { kind: 'modulo' } };
    checkHashFunction(hash, 3, where);
    expect(rowsOfAll(hash, 3)).toEqual(Uint32Array.of(0, 1, 2));
  });
});
