import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnMapping } from '../../lib/clustering/index.ts';
import { learnLsh, stableHashes } from '../../lib/clustering/learners/lsh.ts';
import { generator, mix64Reference } from './reference.ts';

/** The whole method from its definition, with texts as keys. */
function lshReference(points: number[][], rows: number, most: number, count: number, seed: bigint) {
  const dim = points[0]!.length;
  const { directions, offsets } = stableHashes(count + 1, dim, seed);
  const projections = points.map((point) =>
    Array.from({ length: count + 1 }, (_, j) => point.reduce((sum, x, d) => sum + x * directions[j * dim + d]!, 0)),
  );
  const cellsOf = (id: number, width: number) =>
    projections[id]!.slice(0, count).map((p, j) => Math.floor(p / width + offsets[j]!) + 0);
  const bucketsOf = (width: number) => {
    const buckets = new Map<string, number[]>();
    points.forEach((_, id) => {
      const key = cellsOf(id, width).join();
      buckets.set(key, [...(buckets.get(key) ?? []), id]);
    });
    return [...buckets.values()];
  };
  const piecesOf = (ids: number[]) => Math.max(1, Math.ceil(ids.length / most)); // most may be infinite
  const needs = new Map<number, number>();
  const needOf = (width: number) => {
    if (!needs.has(width))
      needs.set(
        width,
        bucketsOf(width).reduce((sum, ids) => sum + piecesOf(ids), 0),
      );
    return needs.get(width)!;
  };

  const range = Math.max(...projections.map((p) => Math.max(...p.slice(0, count).map(Math.abs))));
  let narrow = 0;
  let wide = range > 0 ? range : 1;
  while (needOf(wide) > rows) {
    narrow = wide;
    wide *= 2;
  }
  const least = wide * 2 ** -40;
  while (narrow === 0 && needOf(wide) < 0.98 * rows && wide > least) {
    if (needOf(wide / 2) <= rows) wide /= 2;
    else narrow = wide / 2;
  }
  for (let step = 0; narrow > 0 && needOf(wide) < 0.98 * rows && step < 60; step++) {
    const middle = narrow + (wide - narrow) / 2;
    if (needOf(middle) <= rows) wide = middle;
    else narrow = middle;
  }

  const buckets = bucketsOf(wide)
    .map((ids) => ({ cells: cellsOf(ids[0]!, wide), ids, pieces: piecesOf(ids) }))
    .sort((a, b) => {
      const j = a.cells.findIndex((cell, k) => cell !== b.cells[k]);
      return a.cells[j]! - b.cells[j]!;
    });
  for (let used = buckets.reduce((sum, { pieces }) => sum + pieces, 0); used < rows; used++) {
    const loads = buckets.map(({ ids, pieces }) => ids.length / pieces);
    buckets[loads.indexOf(Math.max(...loads))]!.pieces++;
  }
  const assignment = points.map(() => -1);
  let row = 0;
  for (const { ids, pieces } of buckets) {
    ids.sort(
      (a, b) => projections[a]![count]! - projections[b]![count]! || (mix64Reference(a) < mix64Reference(b) ? -1 : 1),
    );
    for (let piece = 0; piece < pieces; piece++, row++) {
      const [begin, end] = [piece, piece + 1].map((p) => Math.floor((p * ids.length) / pieces));
      for (const id of ids.slice(begin, end)) assignment[id] = row;
    }
  }
  const splitBuckets = buckets.filter(({ pieces }) => pieces > 1).length;
  return { assignment, width: wide, buckets: buckets.length, splitBuckets };
}

/** Phi, the normal distribution function, by Simpson's rule. */
function normal(x: number): number {
  const steps = 2000;
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let k = 1; k < steps; k++) sum += (k % 2 === 1 ? 4 : 2) * density((k * x) / steps);
  return 0.5 + (sum * x) / steps / 3;
}

describe('LSH', () => {
  const cases = fc.record({
    seed: fc.nat(),
    ids: fc.integer({ min: 1, max: 40 }),
    dim: fc.integer({ min: 1, max: 3 }),
    values: fc.constantFrom(1, 3, 1 << 20),
    rows: fc.integer({ min: 1, max: 45 }),
    directions: fc.integer({ min: 1, max: 3 }),
    slack: fc.constantFrom(0, 1, 5, Number.POSITIVE_INFINITY),
  });

  it('equals the slow reference, uses every row and keeps to its size limit', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, ids, dim, values, rows, directions, slack }) => {
        const random = generator(seed);
        const points = Float32Array.from({ length: ids * dim }, () => Math.floor(random() * values) / 8 - 1);
        const clusters = Math.min(rows, ids);
        const maxClusterSize = Math.ceil(ids / clusters) + slack;
        const options = { rows, directions, maxClusterSize, seed: BigInt(seed) };
        const { rows: used, ...learned } = await learnLsh(points, dim, options);
        const list = Array.from({ length: ids }, (_, id) => [...points.subarray(id * dim, (id + 1) * dim)]);
        const expected = lshReference(list, clusters, maxClusterSize, directions, BigInt(seed));
        expect({ ...learned, assignment: [...learned.assignment] }).toEqual(expected);
        expect(used).toBe(clusters);
        const sizes = new Array<number>(clusters).fill(0);
        for (const row of learned.assignment) sizes[row]!++;
        expect(Math.min(...sizes)).toBeGreaterThan(0);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(maxClusterSize);
      }),
      { numRuns: 1000 },
    );
  });

  it('two points fall into one cell as often as the closed form says', () => {
    const draws = 60_000;
    const { directions, offsets } = stableHashes(draws, 2, 5n);
    let before = 1;
    for (const r of [0.1, 0.3, 0.5, 1, 2, 4]) {
      const [x, y] = [0.6 * r, -0.8 * r];
      let together = 0;
      for (let j = 0; j < draws; j++) {
        const moved = directions[2 * j]! * (x + 3) + directions[2 * j + 1]! * (y + 1) + offsets[j]!;
        const base = directions[2 * j]! * 3 + directions[2 * j + 1]! + offsets[j]!;
        if (Math.floor(moved) === Math.floor(base)) together++;
      }
      // Width 1. With 60,000 draws 1 % is at least five standard deviations.
      const expected = 1 - 2 * normal(-1 / r) - (2 / (Math.sqrt(2 * Math.PI) / r)) * (1 - Math.exp(-1 / (2 * r * r)));
      expect(Math.abs(together / draws - expected)).toBeLessThan(0.01);
      expect(together / draws).toBeLessThan(before);
      before = together / draws;
    }
  });

  it('directions are standard normal, offsets uniform', () => {
    const { directions, offsets } = stableHashes(20_000, 2, 9n);
    const mean = (values: Float64Array, of: (x: number) => number) =>
      values.reduce((sum, x) => sum + of(x), 0) / values.length;
    expect(mean(directions, (x) => x)).toBeCloseTo(0, 1);
    expect(mean(directions, (x) => x * x)).toBeCloseTo(1, 1);
    expect(mean(directions, (x) => x ** 4)).toBeCloseTo(3, 0);
    expect(mean(offsets, (x) => x)).toBeCloseTo(0.5, 1);
    expect([Math.min(...offsets) > 0, Math.max(...offsets) < 1]).toEqual([true, true]);
  });

  it('is a method of learnMapping, with independent draws for two tables', async () => {
    const random = generator(4);
    const rows = Float32Array.from({ length: 800 }, random);
    const teacher = { rows, dim: 2, counts: new Uint32Array(400).fill(3) };
    const { hashes } = await learnMapping(teacher, { rows: 60, hashes: 2, method: 'lsh', seed: 8, directions: 3 });
    for (const [k, hash] of hashes.entries()) {
      const { assignment } = await learnLsh(rows, 2, { rows: 30, seed: 8n + BigInt(k), directions: 3 });
      expect(hash).toMatchObject({ kind: 'table', rows: 30, entries: new Uint8Array(assignment) });
    }
    expect(hashes[0]).not.toEqual(hashes[1]);
  });

  it('stops on its signal', async () => {
    const points = Float32Array.from({ length: 200_000 }, generator(1));
    const controller = new AbortController();
    const job = learnLsh(points, 2, {
      rows: 10_000,
      signal: controller.signal,
      onProgress: () => controller.abort('enough'),
    });
    await expect(job).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });

  it.each([
    ['rows', Float32Array.of(1), { rows: 0 }],
    ['maxClusterSize', Float32Array.of(1, 2, 3), { rows: 2, maxClusterSize: 1 }],
    ['directions', Float32Array.of(1), { rows: 1, directions: 0 }],
    ['received NaN', Float32Array.of(Number.NaN), { rows: 1 }],
    ['received Infinity', Float32Array.of(Number.POSITIVE_INFINITY), { rows: 1 }],
    ['Float32Array', new Float64Array(3), { rows: 1 }],
    ['onProgress', Float32Array.of(1), { rows: 1, onProgress: 1 }],
    ['"directions"', Float32Array.of(1), { rows: 1, direction: 1 }],
  ])('bad input: %s', async (message, points, options) => {
    const call = learnLsh(points as Float32Array, 1, options as { rows: number });
    await expect(call).rejects.toMatchObject({
      code: message.startsWith('"') ? 'UNKNOWN_OPTION' : 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });
});
