import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { principalComponents, principalProjection, principalRotation } from '../../lib/clustering/principal.ts';
import { covarianceReference, jacobi } from './principal_reference.ts';
import { generator } from './reference.ts';

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, k) => sum + x * b[k]!, 0);

/** Rows whose k-th dimension has a spread of falling ** k, seen in mixed axes, far from 0. */
function makeRows(seed: number, n: number, dim: number, falling: number): { flat: Float32Array; rows: number[][] } {
  const random = generator(seed);
  const flat = new Float32Array(n * dim);
  for (let id = 0; id < n; id++) {
    const values = Array.from({ length: dim }, (_, d) => (random() - 0.5) * falling ** d);
    for (let d = 0; d < dim; d++) flat[id * dim + d] = 3 + values[d]! + 0.5 * values[(d + 1) % dim]!;
  }
  return { flat, rows: Array.from({ length: n }, (_, id) => [...flat.subarray(id * dim, (id + 1) * dim)]) };
}

/** Expects unit components, orthogonal, oriented, of these variances, each an eigenvector of the covariance. */
function expectComponents(
  found: Awaited<ReturnType<typeof principalComponents>>,
  matrix: number[][],
  variances: number[],
  tolerance: number,
): void {
  for (const [k, component] of found.components.entries()) {
    expect(Math.abs(found.variances[k]! - variances[k]!)).toBeLessThanOrEqual(tolerance * variances[0]!);
    expect(Math.max(...component)).toBe(Math.max(...component.map(Math.abs)));
    for (const [j, other] of found.components.entries()) {
      expect(Math.abs(dot(component, other) - (j === k ? 1 : 0))).toBeLessThan(1e-12);
    }
    const residual = matrix.map((row, d) => dot(row, component) - found.variances[k]! * component[d]!);
    expect(Math.sqrt(dot(residual, residual))).toBeLessThanOrEqual(2 * tolerance * variances[0]!);
  }
}

describe('principal components, against Jacobi rotations', () => {
  it.each([
    ['narrow rows, all components', 1, 8, undefined, 1e-14],
    ['rows just wide enough for a search of the leading ones', 65, 68, 3, 1e-9],
  ])('%s', async (_, least, most, count, tolerance) => {
    const cases = fc.record({
      n: fc.integer({ min: 1, max: 40 }),
      dim: fc.integer({ min: least, max: most }),
      seed: fc.nat(),
      falling: fc.constantFrom(0.5, 0.97, 1),
      tail: fc.constantFrom(0, 1, 50),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ n, dim, seed, falling, tail }) => {
        const { flat, rows } = makeRows(seed, n, dim, falling);
        const random = generator(seed + 1);
        const counts = Uint32Array.from({ length: n }, () => random() ** 3 * tail);
        const { mean, matrix, inner } = covarianceReference(rows, [...counts]);
        const found = await principalComponents(flat, dim, counts, { count });
        expect(found.components.length).toBe(count ?? dim);
        found.mean.forEach((x, d) => {
          expect(x).toBeCloseTo(mean[d]!, 12);
        });
        const variances = jacobi(dim > n ? inner : matrix).map(({ value }) => value);
        for (let k = variances.length; k < dim; k++) variances.push(0);
        // Rows that are alike have variances of rounding alone.
        const noise = dim * 1e-13;
        if (variances[0]! > noise) expectComponents(found, matrix, variances, tolerance + noise / variances[0]!);
        else expect(Math.max(...found.variances)).toBeLessThan(noise);
      }),
      { numRuns: count === undefined ? 60 : 10 },
    );
  });

  it('rows of more dimensions than ids, where the covariance is never made', async () => {
    const [n, dim] = [24, 700];
    const { flat, rows } = makeRows(7, n, dim, 0.99);
    const counts = Uint32Array.from({ length: n }, (_, id) => 1 + (id % 5));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const mean = rows[0]!.map((_, d) => rows.reduce((sum, row, id) => sum + (counts[id]! / total) * row[d]!, 0));
    const scaled = rows.map((row, id) => row.map((x, d) => (x - mean[d]!) * Math.sqrt(counts[id]! / total)));
    // The products of ids have the same eigenvalues as those of dimensions.
    const inner = jacobi(scaled.map((a) => scaled.map((b) => dot(a, b))));
    const { components, variances } = await principalComponents(flat, dim, counts, { count: 3 });
    for (const [k, { value, vector }] of inner.slice(0, 3).entries()) {
      expect(Math.abs(variances[k]! - value)).toBeLessThan(1e-9 * inner[0]!.value);
      const axis = rows[0]!.map(
        (_, d) =>
          dot(
            vector,
            scaled.map((row) => row[d]!),
          ) / Math.sqrt(value),
      );
      expect(Math.abs(dot(axis, components[k]!))).toBeGreaterThan(1 - 1e-9);
      const along = await principalProjection(flat, dim, counts, k);
      const sign = Math.sign(dot(axis, components[k]!));
      for (const [id, row] of rows.entries()) {
        expect(
          Math.abs(
            along[id]! -
              sign *
                dot(
                  axis,
                  row.map((x, d) => x - mean[d]!),
                ),
          ),
        ).toBeLessThan(1e-5);
      }
    }
  });

  it('a rotation has the coordinates along all components', async () => {
    const { flat } = makeRows(5, 50, 6, 0.8);
    const counts = new Uint32Array(50).fill(2);
    const rotation = await principalRotation(flat, 6, counts);
    for (let k = 0; k < 6; k++) {
      const along = await principalProjection(flat, 6, counts, k);
      expect(rotation.filter((_, i) => i % 6 === k)).toEqual(Float32Array.from(along));
    }
  });
});

describe('principal components at the edges', () => {
  const ones = (n: number) => new Uint32Array(n).fill(1);

  it.each([2, 100, 600])('equal variances: %i directions of the same', async (dim) => {
    // Each dimension has one pair of ids at -1 and 1.
    const rows = new Float32Array(2 * dim * dim);
    for (let d = 0; d < dim; d++) {
      rows[2 * d * dim + d] = 1;
      rows[(2 * d + 1) * dim + d] = -1;
    }
    const { components, variances } = await principalComponents(rows, dim, ones(2 * dim), { count: 2 });
    for (const variance of variances) expect(variance * dim).toBeCloseTo(1, 12);
    expect(dot(components[0]!, components[0]!)).toBeCloseTo(1, 12);
    expect(dot(components[0]!, components[1]!)).toBeCloseTo(0, 12);
    if (dim === 2) expect(components).toEqual([Float64Array.of(1, 0), Float64Array.of(0, 1)]);
  });

  it.each([3, 100, 600])('rows that are all alike, %i wide', async (dim) => {
    const { components, variances } = await principalComponents(new Float32Array(4 * dim).fill(2), dim, ones(4), {
      count: 2,
    });
    expect(Math.max(...variances)).toBeLessThan(1e-300);
    expect(dot(components[0]!, components[0]!)).toBeCloseTo(1, 12);
    expect(await principalProjection(new Float32Array(4 * dim).fill(2), dim, ones(4))).toEqual(new Float64Array(4));
  });

  it.each([3, 100, 600])('rows on one line, %i wide: the places on it', async (dim) => {
    const places = [-2, 0, 1, 5];
    const rows = Float32Array.from({ length: 4 * dim }, (_, i) => places[Math.floor(i / dim)]! * (1 + (i % dim)));
    const length = Math.sqrt((dim * (dim + 1) * (2 * dim + 1)) / 6);
    const along = await principalProjection(rows, dim, ones(4));
    along.forEach((x, id) => {
      expect(x / length).toBeCloseTo(places[id]! - 1, 9);
    });
    const { variances } = await principalComponents(rows, dim, ones(4), { count: 2 });
    expect(variances[1]! / variances[0]!).toBeLessThan(1e-12);
  });

  it.each([3e38, 1e-38, 1e-45])('values of %f neither overflow nor vanish', async (scale) => {
    for (const dim of [2, 100, 600]) {
      const rows = new Float32Array(3 * dim);
      for (const [id, sign] of [-1, 0, 1].entries()) rows[id * dim + 1] = sign * scale;
      const along = await principalProjection(rows, dim, ones(3));
      const size = Math.fround(scale);
      for (const [id, sign] of [-1, 0, 1].entries()) expect(Math.abs(along[id]! / size - sign)).toBeLessThan(1e-9);
    }
  });

  it('a single dimension is centred', async () => {
    expect(await principalProjection(Float32Array.of(1, 2, 6), 1, ones(3))).toEqual(Float64Array.of(-2, -1, 3));
  });
});

describe('principal components as a job', () => {
  it.each([4, 300, 600])('gives the same bits on any number of threads, %i wide', async (dim) => {
    const { flat } = makeRows(3, 300, dim, 0.97);
    const counts = Uint32Array.from({ length: 300 }, (_, id) => id % 7);
    const one = await principalProjection(flat, dim, counts, 1, { threads: 1 });
    for (const threads of [0, 2, 3]) {
      expect(await principalProjection(flat, dim, counts, 1, { threads })).toEqual(one);
    }
  });

  it('copies its input, leaves the event loop free, and stops when asked', async () => {
    const { flat } = makeRows(4, 400, 600, 0.97);
    const counts = new Uint32Array(400).fill(1);
    const expected = await principalProjection(flat.slice(), 600, counts);
    let turns = 0;
    const turn = () => {
      turns++;
      again = setImmediate(turn);
    };
    let again = setImmediate(turn);
    const job = principalProjection(flat, 600, counts);
    structuredClone(flat, { transfer: [flat.buffer as ArrayBuffer] });
    expect(flat.length).toBe(0);
    expect(await job).toEqual(expected);
    clearImmediate(again);
    expect(turns).toBeGreaterThan(0);

    const controller = new AbortController();
    const stopped = principalProjection(makeRows(4, 400, 600, 0.97).flat, 600, counts, 0, controller);
    controller.abort('enough');
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });

  it('refuses what it cannot work with', async () => {
    const rows = new Float32Array(6);
    const counts = new Uint32Array(3);
    const bad: [() => Promise<unknown>, string][] = [
      [() => principalComponents(Float32Array.of(1, 2, 3, Number.NaN), 2, new Uint32Array(2)), 'id 1, dimension 1'],
      [() => principalComponents(rows, 2, Float64Array.of(1, 1, -1)), 'index 2'],
      [() => principalComponents(rows, 2, counts, { count: 3 }), 'count'],
      [() => principalProjection(rows, 2, counts, 2), 'component'],
      [() => principalProjection(rows, 4, counts), 'ids * dim'],
    ];
    for (const [call, text] of bad) {
      await expect(call()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(text),
      });
    }
    await expect(principalComponents(rows, 2, counts, { cont: 1 } as object)).rejects.toMatchObject({
      code: 'UNKNOWN_OPTION',
    });
  });
});
