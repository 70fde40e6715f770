import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agglomerate, equalMassBins, learnMapping } from '../../lib/clustering/index.ts';
import { idWeights, optimalBins } from '../../lib/clustering/learners/exact.ts';
import { generator } from './reference.ts';

/** Weighted squared error of a partition, straight from the definition. */
function errorOf(values: ArrayLike<number>, weights: ArrayLike<number>, assignment: ArrayLike<number>): number {
  let error = 0;
  for (const bin of new Set(Array.from(assignment))) {
    const ids = Array.from({ length: values.length }, (_, id) => id).filter((id) => assignment[id] === bin);
    const total = ids.reduce((sum, id) => sum + weights[id]!, 0);
    if (total === 0) continue;
    const mean = ids.reduce((sum, id) => sum + weights[id]! * values[id]!, 0) / total;
    error += ids.reduce((sum, id) => sum + weights[id]! * (values[id]! - mean) ** 2, 0);
  }
  return error;
}

/** Dynamic programming over all (bins, end, begin), with errors by the definition. */
function leastError(values: number[], weights: number[], rows: number): number {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const [x, w] = [order.map((id) => values[id]!), order.map((id) => weights[id]!)];
  const cost = x.map((_, begin) =>
    x.map((_, last) =>
      last < begin
        ? 0
        : errorOf(x.slice(begin, last + 1), w.slice(begin, last + 1), new Array(last + 1 - begin).fill(0)),
    ),
  );
  let best = x.map((_, last) => cost[0]![last]!);
  for (let bin = 1; bin < rows; bin++) {
    best = x.map((_, last) =>
      last < bin
        ? Number.POSITIVE_INFINITY
        : Math.min(...Array.from({ length: last - bin + 1 }, (_, k) => best[k + bin - 1]! + cost[k + bin]![last]!)),
    );
  }
  return best.at(-1)!;
}

const SEARCHES = ['layers', 'lagrangian'] as const;

describe('optimal bins', () => {
  const x = Float64Array.of(-0.4, 0.1, 0.11, 0.12, 0.5, 0.52, 0.55, 0.9);
  const w = Float64Array.of(7, 40, 0.5, 2, 1, 300, 1, 1);
  it.each([
    [2, 1.6548959996, [4]],
    [3, 0.1460003727, [1, 4]],
    [4, 0.0021020218, [1, 4, 7]],
    [5, 0.001201024, [1, 4, 6, 7]],
  ])('the published vector, %i bins', async (rows, cost, cuts) => {
    for (const search of SEARCHES) {
      const bins = await optimalBins(x, w, { rows, search });
      expect(Math.abs(bins.cost - cost)).toBeLessThan(1e-10);
      expect([...bins.assignment]).toEqual(Array.from(x, (_, id) => cuts.filter((cut) => cut <= id).length));
    }
  });

  const cases = fc.record({
    seed: fc.nat(),
    n: fc.integer({ min: 1, max: 16 }),
    distinct: fc.constantFrom(1, 3, 10, 1 << 20),
    weightless: fc.constantFrom(0, 0.3, 1),
    rows: fc.integer({ min: 1, max: 18 }),
  });

  it('no partition is better, bins are intervals, and every one is used', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, n, distinct, weightless, rows }) => {
        const random = generator(seed);
        const values = Array.from({ length: n }, () => Math.floor(random() * distinct) - distinct / 2);
        const weights = Array.from({ length: n }, () => (random() < weightless ? 0 : 1 / (random() + 0.01)));
        const bins = Math.min(rows, n);
        const expected = leastError(values, weights, bins);
        const scale = values.reduce((sum, value, id) => sum + weights[id]! * value * value, 0); // of what is rounded
        for (const search of SEARCHES) {
          const found = await optimalBins(Float64Array.from(values), Float64Array.from(weights), { rows, search });
          expect(found.rows).toBe(bins);
          expect(Math.abs(found.cost - expected)).toBeLessThanOrEqual(1e-12 * scale);
          expect(Math.abs(errorOf(values, weights, found.assignment) - expected)).toBeLessThanOrEqual(1e-12 * scale);
          expect(new Set(found.assignment).size).toBe(bins);
          const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
          const labels = order.map((id) => found.assignment[id]!);
          expect(labels).toEqual([...labels].sort((a, b) => a - b));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('both searches agree on larger inputs, ties included', async () => {
    for (const [seed, n, rows, distinct] of [
      [1, 900, 90, 1 << 30],
      [2, 900, 300, 500],
      [3, 1500, 7, 1 << 30],
      [4, 400, 399, 1 << 30],
      [5, 600, 60, 100], // whole numbers of equal weight: the number of bins jumps
    ] as const) {
      const random = generator(seed);
      const values = Float64Array.from({ length: n }, () => Math.floor(random() * distinct));
      const weights = Float64Array.from({ length: n }, () => (seed === 5 ? 1 : random()));
      const [layers, lagrangian] = await Promise.all(
        SEARCHES.map((search) => optimalBins(values, weights, { rows, search })),
      );
      expect(Math.abs(lagrangian!.cost / layers!.cost - 1)).toBeLessThan(1e-12);
      expect(new Set(lagrangian!.assignment).size).toBe(rows);
    }
    // Evenly spaced: every part of the range costs the same, so that no price of a bin gives just 77 of them.
    const line = Float64Array.from({ length: 1000 }, (_, k) => k);
    const ones = new Float64Array(1000).fill(1);
    const [layers, lagrangian] = await Promise.all(
      SEARCHES.map((search) => optimalBins(line, ones, { rows: 77, search })),
    );
    // 76 bins of 13 and one of 12.
    expect(layers!.cost).toBeCloseTo((76 * 13 * (13 ** 2 - 1)) / 12 + (12 * (12 ** 2 - 1)) / 12, 6);
    expect(lagrangian!.cost).toBeCloseTo(layers!.cost, 6);
  });

  it('no 1-D learner is better', async () => {
    const random = generator(7);
    const values = Float64Array.from({ length: 5000 }, () => (random() - 0.5) / (random() + 0.05));
    const counts = Uint32Array.from({ length: 5000 }, () => Math.floor(1 / (random() + 0.001)));
    const weights = idWeights(counts);
    const { cost } = await optimalBins(values, weights, { rows: 200 });
    const merged = await agglomerate(values, counts, { rows: 200 });
    for (const assignment of [merged.assignment, await equalMassBins(values, counts, 200)]) {
      const distortion = errorOf(values, weights, assignment);
      expect(cost).toBeLessThan(distortion);
      expect(cost).toBeGreaterThan(distortion / 100);
    }
  });

  it('is the method "exact" of learnMapping', async () => {
    const rows = Float32Array.from({ length: 300 }, generator(2));
    const counts = Uint32Array.from({ length: 300 }, (_, id) => 1 + (id % 7));
    const { hashes } = await learnMapping({ rows, dim: 1, counts }, { rows: 25, method: 'exact', weight: 'sqrt' });
    const { assignment } = await optimalBins(rows, idWeights(counts, 'sqrt'), { rows: 25 });
    expect(hashes[0]).toMatchObject({ kind: 'table', rows: 25, entries: new Uint8Array(assignment) });
  });

  it('stops on its signal', async () => {
    const values = Float64Array.from({ length: 100_000 }, generator(3));
    const controller = new AbortController();
    const job = optimalBins(values, new Float64Array(100_000).fill(1), {
      rows: 1000,
      signal: controller.signal,
      onProgress: () => controller.abort('enough'),
    });
    await expect(job).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });

  it.each([
    ['rows', x, w, { rows: 0 }],
    ['search', x, w, { rows: 1, search: 'fast' }],
    ['at least one value', new Float64Array(0), new Float64Array(0), { rows: 1 }],
    ['length 8', x, w.slice(1), { rows: 1 }],
    ['Float64Array', x, new Float32Array(8), { rows: 1 }],
    ['at index 1', Float64Array.of(1, Number.NaN), Float64Array.of(1, 1), { rows: 1 }],
    ['received -1 at index 0', Float64Array.of(1, 2), Float64Array.of(-1, 1), { rows: 1 }],
    ['at index 1', Float64Array.of(1, 2), Float64Array.of(1, Number.POSITIVE_INFINITY), { rows: 1 }],
    ['"search"', x, w, { rows: 1, serch: 'auto' }],
  ])('bad input: %s', async (message, values, weights, options) => {
    const call = optimalBins(values, weights as Float64Array, options as { rows: number });
    await expect(call).rejects.toMatchObject({
      code: message.startsWith('"') ? 'UNKNOWN_OPTION' : 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });
});
