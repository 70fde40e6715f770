import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Batch, batches, shuffled } from '../../lib/data/batches.ts';
import { datasetFromArrays } from '../../lib/data/memory.ts';
import { Random } from '../../lib/data/random.ts';
import type { Split } from '../../lib/data/types.ts';
import { failure } from './files.ts';

/** One row as plain values: a bag of ids for each feature (of one id where the feature is not a list). */
interface Row {
  bags: number[][];
  dense: number[];
  label: number;
}

function splitOf(rows: Row[], lists: boolean[], denseCount: number): Split {
  const features = lists.map((list, f) => {
    const ids = Uint32Array.from(rows.flatMap((row) => row.bags[f]!));
    const offsets = new Uint32Array(rows.length + 1);
    rows.forEach((row, r) => {
      offsets[r + 1] = offsets[r]! + row.bags[f]!.length;
    });
    return list ? { ids, offsets } : { ids };
  });
  return datasetFromArrays({
    features: lists.map((list, f) => ({ name: `f${f}`, cardinality: 1000, list })),
    dense: Array.from({ length: denseCount }, (_, d) => `x${d}`),
    splits: {
      s: {
        labels: Float32Array.from(rows, (row) => row.label),
        dense: Float32Array.from(rows.flatMap((row) => row.dense)),
        features,
      },
    },
  }).split('s');
}

/** The rows that a batch holds, read back through its offsets. */
function unpack(batch: Batch, featureCount: number): Row[] {
  expect(batch.offsets).toHaveLength(featureCount * batch.size + 1);
  expect(batch.offsets.at(-1)).toBe(batch.indices.length);
  const width = batch.dense.length / batch.size;
  return Array.from({ length: batch.size }, (_, r) => ({
    bags: Array.from({ length: featureCount }, (_, f) => {
      const at = f * batch.size + r;
      return [...batch.indices.subarray(batch.offsets[at], batch.offsets[at + 1])];
    }),
    dense: [...batch.dense.subarray(r * width, (r + 1) * width)],
    label: batch.labels[r]!,
  }));
}

/** Random rows; features up to 20, so that the blocks of eight, and what is left of them, are all met. */
function randomRows(random: Random, count: number, lists: boolean[], denseCount: number): Row[] {
  return Array.from({ length: count }, () => ({
    bags: lists.map((list) => Array.from({ length: list ? random.integer(5) : 1 }, () => random.integer(1000))),
    dense: Array.from({ length: denseCount }, () => Math.fround(random.normal())),
    label: random.integer(2),
  }));
}

describe('batches', () => {
  test('hold the rows asked for, in any order, for any mix of features', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom('own', 'shuffled', 'some'),
        fc.integer({ min: 0, max: 1000 }),
        (lists, denseCount, rowCount, size, kind, seed) => {
          const random = new Random(seed);
          const rows = randomRows(random, rowCount, lists, denseCount);
          const split = splitOf(rows, lists, denseCount);
          const some = Uint32Array.from({ length: random.integer(100) }, () => random.integer(rowCount));
          const order = kind === 'own' ? undefined : kind === 'some' ? some : shuffled(rowCount, seed);
          const expected = [...(order ?? rows.keys())].map((row) => rows[row]!);
          const received: Row[] = [];
          for (const batch of batches(split, { size, order })) {
            expect(batch.size).toBe(Math.min(size, expected.length - received.length));
            received.push(...unpack(batch, lists.length));
          }
          expect(received).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('of folds take turns, each with the rows of one fold in their order', () => {
    const given = fc.record({
      rowCount: fc.integer({ min: 0, max: 70 }),
      size: fc.integer({ min: 1, max: 30 }),
      folds: fc.integer({ min: 1, max: 5 }),
      shuffles: fc.boolean(),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(given, ({ rowCount, size, folds, shuffles, seed }) => {
        const lists = [true, false];
        const rows = randomRows(new Random(seed), rowCount, lists, 1);
        const order = shuffles ? shuffled(rowCount, seed) : undefined;
        // What is left to give of each fold, and whose turn it is among those that have something left.
        const left = Array.from({ length: folds }, (_, fold) =>
          [...(order ?? rows.keys())].filter((row) => row % folds === fold),
        );
        const expected: { fold: number; rows: Row[] }[] = [];
        while (left.some((of) => of.length > 0)) {
          for (const [fold, of] of left.entries()) {
            const taken = of.splice(0, size);
            if (taken.length > 0) expected.push({ fold, rows: taken.map((row) => rows[row]!) });
          }
        }
        const received: typeof expected = [];
        for (const batch of batches(splitOf(rows, lists, 1), { size, order, folds })) {
          received.push({ fold: batch.fold, rows: unpack(batch, 2) });
        }
        expect(received).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test('more rows than one chunk of the record gather', () => {
    const lists = Array.from({ length: 11 }, (_, f) => f === 4);
    const rows = randomRows(new Random(3), 2500, lists, 2);
    const order = shuffled(2500, 9);
    const received: Row[] = [];
    for (const batch of batches(splitOf(rows, lists, 2), { size: 2200, order })) received.push(...unpack(batch, 11));
    expect(received).toEqual(Array.from(order, (row) => rows[row]!));
  });

  test('reuse their buffers, and a second pass gives the same', () => {
    const split = splitOf(randomRows(new Random(1), 64, [false, false], 1), [false, false], 1);
    const buffers = new Set<ArrayBufferLike>();
    for (const batch of batches(split, { size: 16 })) buffers.add(batch.indices.buffer);
    expect(buffers.size).toBe(1);
    const pass = (): Row[] => [...batches(split, { size: 24, order: shuffled(64, 5) })].flatMap((b) => unpack(b, 2));
    expect(pass()).toEqual(pass());
  });

  test('an empty split has none; bad options are refused', async () => {
    const split = splitOf([], [false], 0);
    expect([...batches(split, { size: 8 })]).toEqual([]);
    const one = splitOf(randomRows(new Random(1), 3, [false], 0), [false], 0);
    await failure('INVALID_ARGUMENT', () => [...batches(one, { size: 0 })]);
    await failure('INVALID_ARGUMENT', () => [...batches(one, { size: 1.5 })]);
    await failure('INVALID_ARGUMENT', () => [...batches(one, { size: 1, folds: 0 })]);
    const outside = await failure('INVALID_ARGUMENT', () => [
      ...batches(one, { size: 1, order: Uint32Array.of(0, 3) }),
    ]);
    expect(outside.message).toMatch(/row numbers below 3 in order, received 3/);
    const misspelt = { size: 1, ordr: Uint32Array.of(0) } as { size: number };
    expect((await failure('UNKNOWN_OPTION', () => [...batches(one, misspelt)])).message).toMatch(/"order"/);
  });
});

describe('shuffled', () => {
  test('is a permutation, the same for the same seed, another for another', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2 ** 40 }), (rows, seed) => {
        const order = shuffled(rows, seed);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, row) => row));
        expect(shuffled(rows, seed)).toEqual(order);
      }),
    );
    expect(shuffled(1000, 1)).not.toEqual(shuffled(1000, 2));
    expect(shuffled(1000, 1)).not.toEqual(shuffled(1000, 1 + 2 ** 32));
  });

  test('every order of three is as likely as another', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const key = shuffled(3, seed).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Standard deviation 29: five of them.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(145);
  });

  test('refuses what is no number of rows and no seed', async () => {
    await failure('INVALID_ARGUMENT', () => shuffled(-1, 1));
    await failure('INVALID_ARGUMENT', () => shuffled(3, -1));
  });
});

test('random numbers: pinned bits, mean and variance as they should be', () => {
  const random = new Random(42);
  expect([random.uint32(), random.uint32(), random.uint32()]).toMatchInlineSnapshot(`
    [
      660444221,
      3652823732,
      77672526,
    ]
  `);
  const n = 100_000;
  let uniform = 0;
  let normal = 0;
  let square = 0;
  for (let i = 0; i < n; i++) {
    uniform += random.uniform();
    const x = random.normal();
    normal += x;
    square += x * x;
  }
  // Five standard errors each.
  expect(Math.abs(uniform / n - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
  expect(Math.abs(normal / n)).toBeLessThan(5 / Math.sqrt(n));
  expect(Math.abs(square / n - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
});
