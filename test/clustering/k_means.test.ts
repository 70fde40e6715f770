import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnMapping } from '../../lib/clustering/index.ts';
import { kMeans } from '../../lib/clustering/learners/k_means.ts';
import { learnKdTree } from '../../lib/clustering/learners/kd_tree.ts';
import { kMeansReference } from './k_means_reference.ts';
import { generator } from './reference.ts';

const WEIGHTS = {
  count: (count: number) => count + 0.3,
  sqrt: (count: number) => Math.sqrt(count + 0.3),
  uniform: () => 1,
};

/** Teacher rows of few distinct values, so that distances tie, or of many. */
function makeCase(seed: number, ids: number, dim: number, values: number, unseen: number) {
  const random = generator(seed);
  const rows = Float32Array.from({ length: ids * dim }, () => Math.floor(random() * values) / 8 - 1);
  const counts = Uint32Array.from({ length: ids }, () => (random() < unseen ? 0 : Math.ceil(1 / (random() + 0.01))));
  return { rows, counts };
}

const rowsOf = (values: Float32Array, dim: number) =>
  Array.from({ length: values.length / dim }, (_, id) => [...values.subarray(id * dim, (id + 1) * dim)]);

describe('k-means', () => {
  it('values near the largest float32: of two vectors each has a row of its own', async () => {
    const kinds = Array.from({ length: 3000 }, (_, id) => (id * id + (id >> 2)) % 2);
    const rows = Float32Array.from(kinds.flatMap((kind) => (kind === 0 ? [-3.4e38, 3e38] : [3e38, 3.4e38])));
    const counts = Uint32Array.from(kinds, (_, id) => id % 9);
    const { assignment, centroids, moved } = await kMeans(rows, 2, counts, { rows: 2 });
    const of = assignment[0]!;
    expect([...assignment]).toEqual(kinds.map((kind) => (kind === kinds[0] ? of : 1 - of)));
    for (const [d, x] of [...rows.subarray(0, 2)].entries()) expect(centroids[2 * of + d]! / x).toBeCloseTo(1, 12);
    expect(moved).toBe(0);
  });

  const cases = fc.record({
    seed: fc.nat(),
    ids: fc.integer({ min: 1, max: 60 }),
    dim: fc.integer({ min: 1, max: 4 }),
    values: fc.constantFrom(1, 2, 4, 1 << 20),
    unseen: fc.constantFrom(0, 0.5, 1),
    rows: fc.integer({ min: 1, max: 70 }),
    weight: fc.constantFrom('count' as const, 'sqrt' as const, 'uniform' as const),
    iterations: fc.integer({ min: 0, max: 12 }),
  });

  it('equals the slow reference bit for bit, and its statistics add up', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, ids, dim, values, unseen, rows, weight, iterations }) => {
        const { rows: points, counts } = makeCase(seed, ids, dim, values, unseen);
        const learned = await kMeans(points, dim, counts, { rows, weight, iterations });
        const start = [...(await learnKdTree(points, dim, counts, rows))];
        const clusters = Math.min(rows, ids);
        const weights = Array.from(counts, WEIGHTS[weight]);
        const expected = kMeansReference(rowsOf(points, dim), weights, start, clusters, iterations);
        expect([...learned.assignment]).toEqual(expected.assignment);
        expect([...learned.centroids]).toEqual(expected.centroids.flat());
        expect(learned).toMatchObject({ rows: clusters, iterations: expected.iterations, moved: expected.moved });
        expect(learned.distortion).toBe(expected.distortion);
        const sizes = new Uint32Array(clusters);
        const accesses = new Float64Array(clusters);
        learned.assignment.forEach((row, id) => {
          sizes[row]!++;
          accesses[row]! += counts[id]!;
        });
        expect(learned.sizes).toEqual(sizes);
        expect(learned.counts).toEqual(accesses);
        expect(sizes.every((size) => size > 0)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('equals it for clusters longer than the pieces that are summed', async () => {
    const { rows: points, counts } = makeCase(9, 1500, 2, 1 << 20, 0.3);
    const learned = await kMeans(points, 2, counts, { rows: 3, iterations: 2 });
    const start = [...(await learnKdTree(points, 2, counts, 3))];
    const expected = kMeansReference(rowsOf(points, 2), Array.from(counts, WEIGHTS.count), start, 3, 2);
    expect([...learned.centroids]).toEqual(expected.centroids.flat());
    expect(learned.distortion).toBe(expected.distortion);
    expect(Math.min(...learned.sizes)).toBeGreaterThan(256);
  });

  it('finds the nearest of many centroids, heavy tails and far ids included', async () => {
    // Rounds from a start that is not spatial at all: balls hold all centroids, so that ids search the tree.
    for (const [dim, start] of [
      [2, undefined],
      [3, undefined],
      [2, Uint32Array.from({ length: 3000 }, (_, id) => id % 400)],
    ] as const) {
      const random = generator(dim);
      const points = Float32Array.from({ length: 3000 * dim }, () => (random() - 0.5) / (random() ** 2 + 0.001));
      const counts = new Uint32Array(3000).fill(1);
      const options = { rows: 400, ...(start && { start }) };
      const before = await kMeans(points, dim, counts, { ...options, iterations: 1 });
      const after = await kMeans(points, dim, counts, { ...options, iterations: 2 });
      expect(before.sizes.every((size) => size > 0)).toBe(true);
      const nearest = Array.from(after.assignment, (_, id) => {
        const squares = Array.from({ length: 400 }, (_, k) => {
          let sum = 0;
          for (let d = 0; d < dim; d++) sum += (points[id * dim + d]! - before.centroids[k * dim + d]!) ** 2;
          return sum;
        });
        return squares.indexOf(Math.min(...squares));
      });
      // Elsewhere are only those that were moved to a cluster that nobody is nearest to.
      const used = new Set(nearest);
      expect(nearest.filter((row, id) => after.assignment[id] !== row && used.has(after.assignment[id]!))).toEqual([]);
    }
  });

  it('lowers the distortion from round to round and converges', async () => {
    const { rows: points, counts } = makeCase(3, 2000, 2, 1 << 20, 0.2);
    const errors: number[] = [];
    for (const iterations of [0, 1, 2, 5, 1000]) {
      const { distortion, moved, iterations: done } = await kMeans(points, 2, counts, { rows: 50, iterations });
      errors.push(distortion);
      if (iterations === 1000) expect([moved, done < 1000]).toEqual([0, true]);
    }
    for (let k = 1; k < errors.length; k++) expect(errors[k]!).toBeLessThan(errors[k - 1]!);
  });

  it('the same bits for any number of threads', async () => {
    const { rows: points, counts } = makeCase(5, 20_000, 2, 1 << 20, 0.3);
    const alone = await kMeans(points, 2, counts, { rows: 600, threads: 1 });
    for (const threads of [2, 7]) expect(await kMeans(points, 2, counts, { rows: 600, threads })).toEqual(alone);
  });

  it('duplicates: every row is used, and it ends early', async () => {
    const learned = await kMeans(new Float32Array(200).fill(0.5), 2, new Uint32Array(100), { rows: 30 });
    expect(new Set(learned.assignment).size).toBe(30);
    expect(learned.moved).toBe(0);
    expect(learned.iterations).toBeLessThan(15);
  });

  it('two clear groups, by hand', async () => {
    const points = Float32Array.of(0, 10, 1, 11, 2, 12);
    const learned = await kMeans(points, 1, Uint32Array.of(1, 1, 1, 1, 1, 1), { rows: 2, weight: 'uniform' });
    expect(learned).toMatchObject({ assignment: Uint32Array.of(0, 1, 0, 1, 0, 1), distortion: 4, moved: 0 });
    expect([...learned.centroids]).toEqual([1, 11]);
    // The count of the outer id pulls the mean to it: (2 * 0 + 30.3) / 31.3.
    const heavy = await kMeans(Float32Array.of(0, 1), 1, Uint32Array.of(0, 30), { rows: 1 });
    expect(heavy.centroids[0]).toBeCloseTo(30.3 / 30.6, 12);
  });

  it('is a method of learnMapping', async () => {
    const { rows, counts } = makeCase(8, 300, 2, 1 << 20, 0);
    const options = { method: 'k-means', weight: 'sqrt', iterations: 4 } as const;
    const { hashes, statistics } = await learnMapping({ rows, dim: 2, counts }, { rows: 20, ...options });
    const expected = await kMeans(rows, 2, Float64Array.from(counts), { rows: 20, weight: 'sqrt', iterations: 4 });
    expect(hashes[0]).toMatchObject({ kind: 'table', rows: 20, entries: new Uint8Array(expected.assignment) });
    expect(statistics.tables[0]).toMatchObject({ clusters: 20, rounds: expected.iterations });
  });
});

describe('k-means: the job and bad input', () => {
  const { rows: points, counts } = makeCase(1, 20_000, 2, 1 << 20, 0);

  it('reports rounds and stops on its signal', async () => {
    const rounds: number[] = [];
    const controller = new AbortController();
    const job = kMeans(points, 2, counts, {
      rows: 2000,
      iterations: 1_000_000,
      signal: controller.signal,
      onProgress: ({ iteration }) => {
        rounds.push(iteration);
        controller.abort('enough');
      },
    });
    await expect(job).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
    expect(rounds.length).toBeGreaterThan(0);
    const late = kMeans(points, 2, counts, { rows: 10, signal: AbortSignal.abort() });
    await expect(late).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('copies its input before it returns', async () => {
    const [given, seen] = [points.slice(), counts.slice()];
    const promise = kMeans(given, 2, seen, { rows: 100 });
    for (const array of [given, seen]) structuredClone(array, { transfer: [array.buffer] });
    expect(await promise).toEqual(await kMeans(points, 2, counts, { rows: 100 }));
  });

  it.each([
    ['rows', { rows: 0 }, 'INVALID_ARGUMENT'],
    ['rows', {}, 'INVALID_ARGUMENT'],
    ['weight', { rows: 2, weight: 'cbrt' }, 'INVALID_ARGUMENT'],
    ['iterations', { rows: 2, iterations: -1 }, 'INVALID_ARGUMENT'],
    ['threads', { rows: 2, threads: 1.5 }, 'INVALID_ARGUMENT'],
    ['length 3', { rows: 2, start: new Uint32Array(2) }, 'INVALID_ARGUMENT'],
    ['below 2, received 7 at index 1', { rows: 2, start: Uint32Array.of(0, 7, 1) }, 'INVALID_ARGUMENT'],
    ['none of its ids is in 1', { rows: 2, start: Uint32Array.of(0, 0, 0) }, 'INVALID_ARGUMENT'],
    ['"iterations"', { rows: 2, iteration: 3 }, 'UNKNOWN_OPTION'],
    ['signal', { rows: 2, signal: 'stop' }, 'INVALID_ARGUMENT'],
  ])('%s: %o', async (message, options, code) => {
    const rows = Float32Array.of(1, 2, 3);
    const call = kMeans(rows, 1, Uint32Array.of(1, 1, 1), options as unknown as { rows: number });
    await expect(call).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('teacher rows and counts', async () => {
    const bad = (rows: unknown, seen: unknown) => kMeans(rows as Float32Array, 1, seen as Uint32Array, { rows: 1 });
    for (const [message, rows, seen] of [
      ['received NaN', Float32Array.of(1, Number.NaN), Uint32Array.of(1, 1)],
      ['received -Infinity', Float32Array.of(1, Number.NEGATIVE_INFINITY), Uint32Array.of(1, 1)],
      ['received -1', Float32Array.of(1, 2), Float64Array.of(1, -1)],
      ['received 0.5', Float32Array.of(1, 2), Float64Array.of(0.5, 1)],
      ['length 2', Float32Array.of(1, 2), Uint32Array.of(1)],
      ['received', new Float32Array(0), new Uint32Array(0)],
    ] as const) {
      await expect(bad(rows, seen)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(message),
      });
    }
  });
});
