import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnMapping } from '../../lib/clustering/learn_mapping.ts';
import { agglomerate, FREQUENCY_ABLATIONS } from '../../lib/clustering/learners/agglomerative.ts';
import { generator } from './reference.ts';
import { strictReference } from './strict_reference.ts';

const FILTERS = [
  [
    { by: 'frequency', keep: 2 },
    { by: 'distance', keep: 1.5 },
    { by: 'size', keep: 1 },
  ],
  [{ by: 'distance', keep: 1 }],
  [{ by: 'size', keep: 1 }],
  [
    { by: 'size', keep: 1 },
    { by: 'frequency', keep: 0.5 },
  ],
] as const;

const cases = fc
  .record({
    seed: fc.nat(),
    ids: fc.integer({ min: 1, max: 60 }),
    rows: fc.integer({ min: 1, max: 60 }),
    slack: fc.integer({ min: 0, max: 6 }),
    grid: fc.constantFrom(2, 12, 1e9),
    mergesPerRound: fc.integer({ min: 1, max: 12 }),
    filters: fc.constantFrom(...FILTERS),
    mergedValue: fc.constantFrom('mean' as const, 'count-weighted' as const),
  })
  .map(({ seed, ids, grid, ...rest }) => {
    const random = generator(seed);
    return {
      ...rest,
      values: Array.from({ length: ids }, () => Math.floor(random() ** 3 * grid) / grid - 0.3),
      counts: Array.from({ length: ids }, () => Math.floor(20 * random() ** 4)),
    };
  });

describe('strict limits of ids to a cluster', () => {
  it('agree with the reference that tries everything, keep the limit, and fill every row in order', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ values, counts, rows, slack, filters, ...method }) => {
        const most = Math.ceil(values.length / rows) + slack;
        const options = { rows, maxClusterSize: most, strictSize: true, filters: [...filters], ...method };
        const { assignment, sizes } = await agglomerate(Float64Array.from(values), Float64Array.from(counts), options);
        expect([...assignment]).toEqual(
          strictReference(values, counts, { rows, most, filters: [...filters], ...method }),
        );
        expect(sizes.length).toBe(Math.min(rows, values.length));
        expect(Math.max(...sizes)).toBeLessThanOrEqual(most);
        const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
        for (let k = 1; k < order.length; k++) {
          expect(assignment[order[k]!]! - assignment[order[k - 1]!]!).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 600 },
    );
  });

  it.each([0, 1, 10])('hold for 20,000 ids and %i ids to spare in a row, on any number of threads', async (slack) => {
    const random = generator(slack);
    const values = Float64Array.from({ length: 20_000 }, () => random() ** 3);
    const counts = Uint32Array.from({ length: 20_000 }, () => 5 / (0.01 + random()));
    const options = { rows: 2000, maxClusterSize: 10 + slack, strictSize: true };
    const { assignment, sizes } = await agglomerate(values, counts, { ...options, threads: 1 });
    expect(sizes.length).toBe(2000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10 + slack);
    expect((await agglomerate(values, counts, { ...options, threads: 3 })).assignment).toEqual(assignment);
  });

  it('change nothing where the soft limit is never reached', async () => {
    const values = Float64Array.from({ length: 300 }, generator(5));
    const counts = new Uint32Array(300).fill(1);
    for (const ablation of Object.values(FREQUENCY_ABLATIONS)) {
      const options = { rows: 30, maxClusterSize: 300, mergesPerRound: 1, ...ablation, filters: [...ablation.filters] };
      const soft = await agglomerate(values, counts, options);
      const strict = await agglomerate(values, counts, { ...options, strictSize: true });
      expect(strict).toEqual(soft);
    }
  });

  it('are refused where they cannot be kept', async () => {
    const values = new Float64Array(10);
    const counts = new Uint32Array(10);
    for (const [options, code, text] of [
      [{ rows: 3, maxClusterSize: 3, strictSize: true }, 'INVALID_ARGUMENT', 'at least 4'],
      [{ rows: 3, strictSize: true }, 'INVALID_ARGUMENT', 'received none'],
      [{ rows: 3, maxClusterSize: 4, strictSize: 1 }, 'INVALID_ARGUMENT', 'boolean'],
      [{ rows: 3, maxClusterSize: 4, strictSizes: true }, 'UNKNOWN_OPTION', 'strictSize'],
      [{ rows: 3, maxClusterSize: 4, strictSize: true, device: 'cuda' }, 'NOT_SUPPORTED', 'strictSize'],
    ] as const) {
      await expect(agglomerate(values, counts, options as unknown as { rows: number })).rejects.toMatchObject({
        code,
        message: expect.stringContaining(text),
      });
    }
    const teacher = { rows: Float32Array.from({ length: 10 }, generator(2)), dim: 1, counts: counts.fill(1) };
    await expect(
      learnMapping(teacher, { rows: 3, method: 'kd-tree', strictSize: true } as { rows: number }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('no use for it') });
  });

  it('of mappings: statistics say what a soft one leaves over', async () => {
    const random = generator(9);
    const rows = Float32Array.from({ length: 1000 }, () => random() ** 4);
    const teacher = { rows, dim: 1, counts: Uint32Array.from({ length: 1000 }, () => 1 + 5 / (0.01 + random())) };
    const options = { rows: 100, maxClusterSize: 12 };
    const [soft] = (await learnMapping(teacher, options)).statistics.tables;
    expect(soft).toMatchObject({ maxClusterSize: 12, clusters: 100 });
    expect(soft!.rowsOverLimit).toBeGreaterThan(0);
    const { hashes, statistics } = await learnMapping(teacher, { ...options, strictSize: true });
    expect(statistics.tables[0]).toMatchObject({ maxClusterSize: 12, rowsOverLimit: 0, emptyRows: 0 });
    expect(statistics.tables[0]!.largestRow).toBeLessThanOrEqual(12);
    const loads = new Uint32Array(100);
    for (const row of (hashes[0] as { entries: Uint8Array }).entries) loads[row]!++;
    expect(Math.max(...loads)).toBe(statistics.tables[0]!.largestRow);
    // The default limit is kept, too, and learners without a limit say so.
    const own = await learnMapping(teacher, { rows: 100, strictSize: true });
    expect(own.statistics.tables[0]!.largestRow).toBeLessThanOrEqual(40);
    const tree = await learnMapping(teacher, { rows: 100, method: 'kd-tree' });
    expect(tree.statistics.tables[0]).toMatchObject({ maxClusterSize: null, rowsOverLimit: 0 });
  });
});
