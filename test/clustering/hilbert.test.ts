import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalMassBins, hilbertKeys, learnMapping } from '../../lib/clustering/index.ts';
import { hilbertIndex } from './hilbert_reference.ts';
import { generator } from './reference.ts';

describe('Hilbert curve', () => {
  it('in the plane, by hand', () => {
    const order = ['00', '01', '11', '10'].map((cell) => [...cell].map(Number));
    expect(order.map((cell) => hilbertIndex(cell, 1))).toEqual([0, 1, 2, 3]);
    // The first quarter of the next level is the mirrored curve, so that it ends beside the second quarter.
    const first = ['00', '10', '11', '01', '02'].map((cell) => [...cell].map(Number));
    expect(first.map((cell) => hilbertIndex(cell, 2))).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([
    [1, 5],
    [2, 1],
    [2, 4],
    [3, 3],
    [4, 2],
    [5, 2],
  ])('%i dimensions, %i bits: every cell once, and each step goes to a neighbour', (dim, bits) => {
    const edge = 2 ** bits;
    const cells: number[][] = new Array(edge ** dim);
    for (let k = 0; k < edge ** dim; k++) {
      const cell = Array.from({ length: dim }, (_, d) => Math.floor(k / edge ** d) % edge);
      const index = hilbertIndex(cell, bits);
      expect(cells[index]).toBeUndefined();
      cells[index] = cell;
    }
    for (let k = 1; k < cells.length; k++) {
      const steps = cells[k]!.map((x, d) => Math.abs(x - cells[k - 1]![d]!));
      expect(steps.reduce((sum, step) => sum + step)).toBe(1);
    }
  });

  it('keys are the places of the cells that hold the rows', async () => {
    const cases = fc.record({
      seed: fc.nat(),
      ids: fc.integer({ min: 1, max: 30 }),
      dim: fc.integer({ min: 1, max: 26 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, ids, dim }) => {
        const random = generator(seed);
        const rows = Float32Array.from({ length: ids * dim }, () => (random() - 0.5) * 10);
        const axes = Array.from({ length: dim }, (_, d) => Array.from({ length: ids }, (_, id) => rows[id * dim + d]!));
        const lowest = axes.map((values) => Math.min(...values));
        const edge = Math.max(...axes.map((values, d) => Math.max(...values) - lowest[d]!));
        const bits = Math.min(26, Math.floor(52 / dim));
        const keys = await hilbertKeys(rows, dim);
        for (let id = 0; id < ids; id++) {
          const cell = axes.map((values, d) => {
            const place = edge === 0 ? 0 : Math.floor((values[id]! - lowest[d]!) * (2 ** bits / edge));
            return Math.min(2 ** bits - 1, place);
          });
          expect(keys[id]).toBe(hilbertIndex(cell, bits));
          expect(keys[id]).toBeLessThan(2 ** 52);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('the same keys for any number of threads', async () => {
    const [ids, dim, cells] = [30_000, 3, 2 ** 17];
    const rows = Float32Array.from({ length: dim * ids }, generator(5));
    const keys = await hilbertKeys(rows, dim, { threads: 1 });
    for (const threads of [0, 2, 5]) {
      const others = await hilbertKeys(rows, dim, { threads });
      expect(others.every((key, id) => key === keys[id])).toBe(true);
    }
    const axes = Array.from({ length: dim }, (_, d) => rows.filter((_, k) => k % dim === d).sort());
    const edge = Math.max(...axes.map((values) => values.at(-1)! - values[0]!));
    for (const id of [0, 8191, 8192, ids - 1]) {
      const cell = axes.map((values, d) => {
        const place = Math.floor((rows[dim * id + d]! - values[0]!) * (cells / edge));
        return Math.min(cells - 1, place);
      });
      expect(keys[id]).toBe(hilbertIndex(cell, 17));
    }
  });

  it('equal rows have equal keys, one dimension keeps its order', async () => {
    expect([...(await hilbertKeys(new Float32Array(12).fill(3), 4))]).toEqual([0, 0, 0]);
    const values = Float32Array.from({ length: 200 }, generator(1));
    const keys = await hilbertKeys(values, 1);
    const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
    for (let k = 1; k < 200; k++) expect(keys[order[k]!]!).toBeGreaterThanOrEqual(keys[order[k - 1]!]!);
  });

  it('with equal-mass bins it is an option of learnMapping', async () => {
    const random = generator(3);
    const rows = Float32Array.from({ length: 1200 }, random);
    const counts = Uint32Array.from({ length: 400 }, () => 1 + Math.floor(20 * random()));
    const teacher = { rows, dim: 3, counts };
    const { hashes } = await learnMapping(teacher, { rows: 40, method: 'equal-mass', projection: 'hilbert' });
    const expected = await equalMassBins(await hilbertKeys(rows, 3), counts, 40);
    expect(hashes[0]).toMatchObject({ kind: 'table', rows: 40, entries: new Uint8Array(expected) });
    for (const options of [
      { method: 'agglomerative', projection: 'hilbert' },
      { method: 'exact', projection: 'hilbert' },
      { method: 'equal-mass', projection: 'hilbert', hashes: 2 },
    ] as const) {
      await expect(learnMapping(teacher, { rows: 40, ...options })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('hilbert'),
      });
    }
  });

  it('bad input', async () => {
    const rows = new Float32Array(4);
    await expect(hilbertKeys(Float32Array.of(1, Number.NaN), 1)).rejects.toThrow(/received NaN for id 1/);
    await expect(hilbertKeys(new Float32Array(27), 27)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    await expect(hilbertKeys(rows, 2, { threads: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(hilbertKeys(rows, 2, { thread: 1 } as object)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    await expect(hilbertKeys(rows, 2, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
