import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkHashFunction, type HashFunction, PRUNED, rowCount, rowOf, rowsOfAll } from '../../lib/hashing/index.ts';
import { hashAndCardinality } from './arbitrary.ts';

const where = 'hashes[0] of feature "movie"';

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

  it('mixed radix is the digit of an id', () => {
    expect(all({ kind: 'mixed-radix', divisor: 2, rows: 3 }, 9)).toEqual([0, 0, 1, 1, 2, 2, 0, 0, 1]);
    expect(all({ kind: 'mixed-radix', divisor: 1, rows: 3 }, 7)).toEqual(all({ kind: 'modulo', rows: 3 }, 7));
    expect(all({ kind: 'mixed-radix', divisor: 3, rows: 99 }, 7)).toEqual(all({ kind: 'quotient', divisor: 3 }, 7));
    expect(rowCount({ kind: 'mixed-radix', divisor: 2, rows: 3 }, 9)).toBe(3);
  });

  it('a table may leave an id without a row', () => {
    const hash: HashFunction = { kind: 'table', rows: 3, entries: Int32Array.of(2, PRUNED, 0) };
    expect(all(hash, 3)).toEqual([2, -1, 0]);
    expect(rowsOfAll(hash, 3)).toEqual(Uint32Array.of(2, 0xffffffff, 0));
    expect(rowCount(hash, 3)).toBe(3);
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
          const row = rowOf(hash, id, cardinality);
          expect(bulk[id]).toBe(row >>> 0);
          if (row !== PRUNED) expect(bulk[id]).toBeLessThan(rows);
          else expect(hash.kind).toBe('table');
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

/** How many ids the rows under several hash functions tell apart, together. */
function distinct(hashes: HashFunction[], cardinality: number): number {
  const names = new Float64Array(cardinality);
  let outside = 0;
  for (const hash of hashes) {
    const height = rowCount(hash, cardinality);
    rowsOfAll(hash, cardinality).forEach((row, id) => {
      if (row >= height) outside++;
      names[id] = names[id]! * height + row;
    });
  }
  expect(outside).toBe(0);
  return new Set(names).size;
}

describe('complementary partitions tell all ids apart', () => {
  /** Every number of ids up to 1e5 would take hours: every one up to 300, and sizes around what divides evenly. */
  const cardinalities = [...Array(300).keys()].map((n) => n + 1);

  it('quotient and remainder, every number of ids and divisor', () => {
    for (const cardinality of cardinalities.filter((n) => n <= 60)) {
      for (let divisor = 1; divisor <= cardinality + 1; divisor++) {
        const pair: HashFunction[] = [
          { kind: 'quotient', divisor },
          { kind: 'modulo', rows: divisor },
        ];
        expect(distinct(pair, cardinality)).toBe(cardinality);
      }
    }
  });

  it.each([1, 2, 4, 315, 316, 317, 333, 50_000, 99_999, 100_000])(
    'quotient and remainder by %i, 1e5 ids',
    (divisor) => {
      const pair: HashFunction[] = [
        { kind: 'quotient', divisor },
        { kind: 'modulo', rows: divisor },
      ];
      for (const cardinality of [99_999, 100_000]) expect(distinct(pair, cardinality)).toBe(cardinality);
    },
  );

  const digits = (radices: number[]): HashFunction[] =>
    radices.map((rows, j) => ({ kind: 'mixed-radix', rows, divisor: radices.slice(0, j).reduce((a, b) => a * b, 1) }));

  it('digits of the smallest equal radices, every number of ids', () => {
    for (const cardinality of cardinalities) {
      for (const k of [1, 2, 3, 4]) {
        const radix = Math.ceil(cardinality ** (1 / k) - 1e-9);
        expect(distinct(digits(Array(k).fill(radix)), cardinality)).toBe(cardinality);
      }
    }
  });

  it.each([[[317, 316]], [[47, 46, 47]], [[2, 256, 200]], [[10, 10, 10, 10, 10]], [[100_000, 1]], [[1, 100_000]]])(
    'digits of radices %j, 1e5 ids',
    (radices) => {
      for (const cardinality of [99_999, 100_000]) expect(distinct(digits(radices), cardinality)).toBe(cardinality);
    },
  );

  it('digits of too small radices do not', () => {
    expect(distinct(digits([316, 316]), 100_000)).toBe(316 * 316);
  });
});
