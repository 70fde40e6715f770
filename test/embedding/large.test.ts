/**
 * Tables past 2^31 and 2^32 elements, where 32-bit arithmetic would wrap. Initial scale 0 leaves the memory untouched, so
 * a table of 9 or 17 GB costs only the pages of the rows in use; where even the address space is refused the test is
 * skipped. LEARN_TO_COLLIDE_LARGE_TESTS=1 also fills a table of 8.9 GB with random values.
 */
import { describe, expect, it } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { mix64, mixedRow } from '../../lib/hashing/index.ts';

const ROWS = 2 ** 26;
/** Asked when a test starts: other tests come and go beside it. */
const fits = (bytes: number) => bytes < 0.8 * process.availableMemory();

/** One bag per id. */
const bags = (ids: number[]) => ({ indices: Uint32Array.from(ids), offsets: ids.map((_, i) => i).concat(ids.length) });

describe('tables past 32-bit arithmetic', () => {
  for (const dim of [33, 65]) {
    it(`2^26 rows x ${dim}: rows land in their own places`, ({ skip }) => {
      skip(!fits(ROWS * dim * 4));
      using tables = new EmbeddingTables({
        features: [{ name: 'f', cardinality: ROWS, dim, init: { kind: 'uniform', scale: 0 } }],
        optimizer: { kind: 'sgd', learningRate: 1 },
      });
      expect(tables.memory().rows).toBe(ROWS * dim * 4);
      // The rows around element 2^31 and 2^32, the first and the last; beside them the rows that a wrapped or signed
      // element or byte offset would hit instead.
      const ends = [0, Math.floor(2 ** 31 / dim), Math.min(ROWS - 1, Math.floor(2 ** 32 / dim)), ROWS - 1];
      const used = [...new Set(ends.flatMap((row) => [row, row + 1]).filter((row) => row < ROWS))];
      const wrapped = used
        .flatMap((row) => [2 ** 30, 2 ** 31, 2 ** 32].map((wrap) => Math.floor((row * dim) % wrap) / dim))
        .flatMap((row) => [Math.floor(row), Math.ceil(row)])
        .filter((row) => row < ROWS && !used.includes(row));
      tables.forward(bags(used));
      const gradient = Float32Array.from({ length: used.length * dim }, (_, i) => -(i + 1));
      tables.backward(gradient);
      expect(tables.lookup(bags(used))).toEqual(gradient.map((x) => -x));
      expect(tables.lookup(bags(wrapped)).every((x) => x === 0)).toBe(true);
    });
  }

  it('2^32 - 1 ids: the largest one is looked up', ({ skip }) => {
    skip(!fits(2 ** 34));
    const hash = { kind: 'mixed' as const, rows: 100, seed: 3 };
    using tables = new EmbeddingTables({ features: [{ name: 'f', cardinality: 2 ** 32 - 1, dim: 1, hashes: [hash] }] });
    tables.setWeights(
      'f',
      Float32Array.from({ length: 100 }, (_, row) => row),
    );
    const ids = [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2];
    const rows = ids.map((id) => Number(mixedRow(BigInt(id), 3n, 100n)));
    expect([...tables.forward(bags(ids))]).toEqual(rows);
    const wide = { ...bags(ids), indices: BigInt64Array.from(ids, BigInt) };
    expect([...tables.forward(wide)]).toEqual(rows);
    const past = { indices: BigInt64Array.of(2n ** 32n - 1n), offsets: [0, 1] };
    expect(() => tables.forward(past)).toThrow(expect.objectContaining({ code: 'INVALID_INDEX' }));
  });

  it.skipIf(process.env.LEARN_TO_COLLIDE_LARGE_TESTS !== '1')(
    '2^26 rows x 33 with random values',
    () => {
      const dim = 33;
      using tables = new EmbeddingTables({
        features: [{ name: 'f', cardinality: ROWS, dim, init: { kind: 'uniform', scale: 1 } }],
        optimizer: { kind: 'sgd', learningRate: 1 },
        seed: 9,
      });
      // The definition of the initial values: 24 bits of mix64(seed ^ mix64(element)), seeded per table.
      const seed = mix64(9n ^ mix64(1n));
      const initial = (element: number) => (2 * Number(mix64(seed ^ mix64(BigInt(element))) >> 40n)) / 2 ** 24 - 1;
      const used = [0, 2 ** 25, Math.floor(2 ** 31 / dim), Math.floor(2 ** 31 / dim) + 1, ROWS - 1];
      const values = used.flatMap((row) => Array.from({ length: dim }, (_, j) => initial(row * dim + j)));
      expect([...tables.lookup(bags(used))]).toEqual(values);
    },
    600_000,
  );
});
