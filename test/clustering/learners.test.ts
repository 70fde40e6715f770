import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalMassBins, learnEqualMass } from '../../lib/clustering/learners/equal_mass.ts';
import { learnKdTree } from '../../lib/clustering/learners/kd_tree.ts';
import { identityOrder, orderByKeys } from '../../lib/clustering/order.ts';
import { axisProjection, principalComponents, principalProjection } from '../../lib/clustering/principal.ts';
import { generator, kdTreeReference, massReference, orderReference, plainEqualMassReference } from './reference.ts';

const used = (assignment: Uint32Array) => new Set(assignment).size;

/** Keys of a few kinds: all different, many ties, a single value. */
const keysAndCounts = fc
  .record({
    n: fc.integer({ min: 1, max: 60 }),
    seed: fc.nat(),
    grid: fc.constantFrom(1, 3, 20, 1e9),
    tail: fc.constantFrom(0, 3, 1e6),
  })
  .map(({ n, seed, grid, tail }) => {
    const random = generator(seed);
    return {
      keys: Array.from({ length: n }, () => Math.floor(random() * grid) / grid - 0.5),
      counts: Array.from({ length: n }, () => Math.floor(random() ** 4 * tail)),
    };
  });

describe('orders', () => {
  it.each([3000, 20_000])('orderByKeys is a stable sort of %i keys of either sign', async (n) => {
    const random = generator(n);
    const some = [-0, 0, 5e-324, -5e-324, 1.7e308, -1.7e308, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const keys = Float64Array.from({ length: n }, (_, i) =>
      i % 3 === 0 ? some[Math.floor(random() * some.length)]! : Math.floor(random() * 1000) / 7 - 70,
    );
    const expected = Array.from(keys.keys()).sort((a, b) => (keys[a] === keys[b] ? a - b : keys[a]! - keys[b]!));
    expect([...(await orderByKeys(keys, identityOrder(n)))]).toEqual(expected);
  });
});

describe('equal-mass bins', () => {
  it('is the published formula wherever that leaves no bin empty', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(keysAndCounts, fc.integer({ min: 1, max: 12 }), async ({ keys, counts }, rows) => {
        for (const mass of ['sqrt', 'cbrt', 'one'] as const) {
          const weights = massReference(counts, counts.some((count) => count > 0) ? mass : 'one', 0);
          const plain = plainEqualMassReference(keys, weights, rows);
          const bins = await equalMassBins(Float64Array.from(keys), Float64Array.from(counts), rows, { mass });
          if (new Set(plain).size === rows) {
            compared++;
            expect([...bins]).toEqual(plain);
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  it('uses every row, in the order of the keys, and repairs gaps one id at a time', async () => {
    await fc.assert(
      fc.asyncProperty(keysAndCounts, fc.integer({ min: 1, max: 80 }), async ({ keys, counts }, rows) => {
        const bins = await equalMassBins(Float64Array.from(keys), Float64Array.from(counts), rows);
        const expected = Math.min(rows, keys.length);
        expect(used(bins)).toBe(expected);
        expect(Math.max(...bins)).toBe(expected - 1);
        const order = orderReference(keys);
        const weights = massReference(counts, counts.some((count) => count > 0) ? 'sqrt' : 'one', 0);
        const plain = plainEqualMassReference(keys, weights, expected);
        let bin = -1;
        for (const [k, id] of order.entries()) {
          bin = Math.min(bin + 1, Math.max(plain[id]!, expected - (keys.length - k)));
          expect(bins[id]).toBe(bin);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('gives the bins that a heavy id skips to the ids after it', async () => {
    const counts = Uint32Array.of(1_000_000, 1, 1, 1, 1, 1);
    expect([...(await equalMassBins(Float64Array.of(0, 1, 2, 3, 4, 5), counts, 4))]).toEqual([0, 1, 2, 3, 3, 3]);
  });

  it('orders equal keys by mix64(id), not by id', async () => {
    const n = 1000;
    const bins = await equalMassBins(new Float64Array(n), new Uint32Array(n), 2);
    const lower = Array.from(bins.keys()).filter((id) => bins[id] === 0);
    expect(lower.length).toBe(n / 2);
    expect(lower.filter((id) => id < n / 2).length).toBeGreaterThan(200);
    expect(lower.filter((id) => id < n / 2).length).toBeLessThan(300);
  });

  it('keeps the mass of 10,000 Zipf ids balanced', async () => {
    const random = generator(3);
    const keys = Float64Array.from({ length: 10_000 }, random);
    const counts = Uint32Array.from({ length: 10_000 }, () => 1e5 / (1 + Math.floor(random() * 10_000)));
    const bins = await equalMassBins(keys, counts, 50);
    const mass = new Float64Array(50);
    bins.forEach((bin, id) => {
      mass[bin]! += Math.sqrt(counts[id]!);
    });
    const total = mass.reduce((a, b) => a + b);
    const heaviest = Math.sqrt(Math.max(...counts));
    for (const share of mass) expect(Math.abs(share - total / 50)).toBeLessThanOrEqual(2 * heaviest);
  });

  it('learnEqualMass takes the value itself, or the first principal component', async () => {
    const random = generator(9);
    const counts = Uint32Array.from({ length: 40 }, () => random() * 10);
    const line = Float32Array.from({ length: 40 }, random);
    expect(await learnEqualMass(line, 1, counts, 7)).toEqual(await equalMassBins(Float64Array.from(line), counts, 7));
    const plane = Float32Array.from({ length: 80 }, random);
    expect(await learnEqualMass(plane, 2, counts, 7, { mass: 'one' })).toEqual(
      await equalMassBins(await principalProjection(plane, 2, counts), counts, 7, { mass: 'one' }),
    );
  });
});

describe('kd-tree', () => {
  const teachers = fc
    .record({
      n: fc.integer({ min: 1, max: 50 }),
      dim: fc.integer({ min: 1, max: 4 }),
      seed: fc.nat(),
      grid: fc.constantFrom(1, 3, 1e9),
      rows: fc.integer({ min: 1, max: 60 }),
    })
    .map(({ n, dim, seed, grid, rows }) => {
      const random = generator(seed);
      const value = () => Math.fround(Math.floor(random() * grid) / grid);
      return {
        teacher: Array.from({ length: n }, () => Array.from({ length: dim }, value)),
        counts: Array.from({ length: n }, () => Math.floor(random() ** 6 * 1000)),
        dim,
        rows,
      };
    });

  it('agrees with the slow recursion and uses every row', async () => {
    await fc.assert(
      fc.asyncProperty(teachers, async ({ teacher, counts, dim, rows }) => {
        const assignment = await learnKdTree(Float32Array.from(teacher.flat()), dim, Uint32Array.from(counts), rows);
        expect([...assignment]).toEqual(kdTreeReference(teacher, counts, rows));
        expect(used(assignment)).toBe(Math.min(rows, teacher.length));
        expect(Math.max(...assignment)).toBe(Math.min(rows, teacher.length) - 1);
      }),
      { numRuns: 1000 },
    );
  });

  it('agrees on 6,000 ids, where orders come from the radix sort', async () => {
    const random = generator(21);
    const teacher = Array.from({ length: 6000 }, () => [Math.fround(random()), Math.fround(random() * 2)]);
    const counts = teacher.map(() => Math.floor(20 * random() ** 3));
    const assignment = await learnKdTree(Float32Array.from(teacher.flat()), 2, Float64Array.from(counts), 37);
    expect([...assignment]).toEqual(kdTreeReference(teacher, counts, 37));
  });

  it('gives each id its own row when there are enough', async () => {
    expect(used(await learnKdTree(new Float32Array(20), 2, new Uint32Array(10), 10))).toBe(10);
    expect(used(await learnKdTree(new Float32Array(20), 2, new Uint32Array(10), 1000))).toBe(10);
  });
});

describe('principal components', () => {
  it('are orthonormal, ordered, and reproduce the weighted covariance', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.nat(), async (dim, seed) => {
        const random = generator(seed);
        const n = 30;
        const rows = Float32Array.from({ length: n * dim }, (_, i) => (random() - 0.3) * (1 + (i % dim)));
        const counts = Uint32Array.from({ length: n }, () => random() * 6);
        const { mean, components, variances } = await principalComponents(rows, dim, counts);
        const total = counts.reduce((a, b) => a + b, 0);
        const weights = Array.from(counts, (c) => (total > 0 ? c / total : 1 / n));
        for (let a = 0; a < dim; a++) {
          expect(mean[a]).toBeCloseTo(
            weights.reduce((sum, w, i) => sum + w * rows[i * dim + a]!, 0),
            10,
          );
          if (a > 0) expect(variances[a]).toBeLessThanOrEqual(variances[a - 1]!);
          expect(Math.max(...components[a]!)).toBe(Math.max(...components[a]!.map(Math.abs)));
          for (let b = 0; b < dim; b++) {
            const dot = components[a]!.reduce((sum, x, d) => sum + x * components[b]![d]!, 0);
            expect(dot).toBeCloseTo(a === b ? 1 : 0, 10);
            const covariance = weights.reduce(
              (sum, w, i) => sum + w * (rows[i * dim + a]! - mean[a]!) * (rows[i * dim + b]! - mean[b]!),
              0,
            );
            const rebuilt = components.reduce((sum, v, k) => sum + variances[k]! * v[a]! * v[b]!, 0);
            expect(rebuilt).toBeCloseTo(covariance, 10);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('follow the ids that are accessed', async () => {
    // The frequent ids spread along y, the rare ones far along x.
    const rows = Float32Array.of(0, -1, 0, 1, -50, 0, 50, 0);
    const frequent = Uint32Array.of(9000, 9000, 1, 1);
    expect((await principalComponents(rows, 2, frequent)).components[0]).toEqual(Float64Array.of(0, 1));
    expect((await principalComponents(rows, 2, new Uint32Array(4))).components[0]).toEqual(Float64Array.of(1, 0));
    expect(await principalProjection(rows, 2, frequent)).toEqual(Float64Array.of(-1, 1, 0, 0));
    expect([...axisProjection(rows, 2, 0)]).toEqual([0, 0, -50, 50]);
  });
});

describe('bad input of the learners', () => {
  const rows = new Float32Array(6);
  const counts = new Uint32Array(3);
  const call =
    <T extends (...args: never[]) => unknown>(f: T, ...args: unknown[]) =>
    () =>
      Promise.resolve().then(() => f(...(args as never[])));
  const invalid = (message: string) =>
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) });

  it.each([
    ['dim', call(learnKdTree, rows, 0, counts, 2)],
    ['ids * dim', call(learnKdTree, rows, 4, counts, 2)],
    ['ids * dim', call(learnKdTree, new Float32Array(0), 1, new Uint32Array(0), 2)],
    ['Float32Array', call(learnKdTree, [1, 2], 1, counts, 2)],
    ['id 1, dimension 1', call(learnKdTree, Float32Array.of(1, 2, 3, Number.NaN), 2, new Uint32Array(2), 2)],
    ['length 3', call(learnKdTree, rows, 2, new Uint32Array(2), 2)],
    ['index 1', call(learnKdTree, rows, 2, Float64Array.of(1, -1, 1), 2)],
    ['index 2', call(learnKdTree, rows, 2, Float64Array.of(1, 1, 0.5), 2)],
    ['rows', call(learnKdTree, rows, 2, counts, 0)],
    ['rows', call(learnKdTree, rows, 2, counts, 1.5)],
    ['rows', call(learnEqualMass, rows, 2, counts, 0)],
    ['mass', call(learnEqualMass, rows, 2, counts, 1, { mass: 'square' })],
    ['index 0', call(equalMassBins, Float64Array.of(Number.NaN), Uint32Array.of(1), 1)],
    ['Float64Array', call(equalMassBins, Float32Array.of(1), Uint32Array.of(1), 1)],
    ['at least one key', call(equalMassBins, new Float64Array(0), new Uint32Array(0), 1)],
    ['axis', call(axisProjection, rows, 2, 2)],
    ['component', call(principalProjection, rows, 2, counts, 2)],
    ['rotate', call(learnKdTree, rows, 2, counts, 1, { rotate: 1 })],
    ['threads', call(learnKdTree, rows, 2, counts, 1, { threads: -1 })],
    ['AbortSignal', call(equalMassBins, new Float64Array(3), counts, 1, { signal: {} })],
  ])('%s', async (message, body) => {
    await expect(body()).rejects.toEqual(invalid(message));
  });

  it('misspelt options', async () => {
    for (const body of [
      call(learnEqualMass, rows, 2, counts, 1, { mas: 'one' }),
      call(learnKdTree, rows, 2, counts, 1, { rotat: true }),
    ]) {
      await expect(body()).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    }
  });
});
