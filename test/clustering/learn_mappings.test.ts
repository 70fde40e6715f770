import { describe, expect, it } from 'vitest';
import { learnMapping } from '../../lib/clustering/learn_mapping.ts';
import { learnMappings, type MappingTask } from '../../lib/clustering/learn_mappings.ts';
import { quickGenerator } from './reference.ts';

function task(seed: number, ids: number, options: MappingTask['options']): MappingTask {
  const random = quickGenerator(seed);
  return {
    teacher: {
      rows: Float32Array.from({ length: ids * 2 }, random),
      dim: 2,
      counts: Uint32Array.from({ length: ids }, () => 9 * random() ** 2),
    },
    options,
  };
}

const tasks = [
  task(1, 50, { rows: 10 }),
  task(2, 3000, { rows: 100, method: 'kd-tree', rotate: true }),
  task(3, 1, { rows: 1 }),
  task(4, 800, { rows: 60, method: 'equal-mass', hotShare: 0.3 }),
  task(5, 10_000, { rows: 700, hashes: 2 }),
  task(6, 800, { rows: 900 }),
];

describe('learnMappings', () => {
  it.each([1, 2, 7])('gives what learnMapping gives, on %i threads', async (threads) => {
    const together = await learnMappings(tasks, { threads });
    expect(together.length).toBe(tasks.length);
    for (const [k, { teacher, options }] of tasks.entries()) {
      expect(together[k]).toEqual(await learnMapping(teacher, options));
    }
  });

  it('takes no tasks at all', async () => {
    expect(await learnMappings([])).toEqual([]);
  });

  it('reports a share of all tables that never falls, and which table is at work', async () => {
    const many = Array.from({ length: 6 }, (_, k) => task(k, 20_000, { rows: 2000, mergesPerRound: 20 }));
    const shares: number[] = [];
    const seen = new Set<number>();
    await learnMappings(many, {
      threads: 2,
      onProgress: ({ table, share, clusters }) => {
        shares.push(share);
        seen.add(table);
        expect(clusters).toBeLessThan(20_000);
      },
    });
    expect(shares.length).toBeGreaterThan(2);
    expect(shares.every((share, k) => share >= (shares[k - 1] ?? 0) && share <= 1)).toBe(true);
    expect(seen.size).toBeGreaterThan(1);
  });

  it('asks for recent counts when a table has its turn, largest first, and holds few at a time', async () => {
    const asked: number[] = [];
    const lazy = tasks.map(({ teacher, options }, k) => ({
      teacher: {
        ...teacher,
        hotCounts: () => {
          asked.push(k);
          return teacher.counts;
        },
      },
      options,
    }));
    const results = await learnMappings(lazy, { threads: 1 });
    expect(asked).toEqual([4, 1, 3, 5, 0, 2]);
    expect(results).toEqual(await learnMappings(tasks));
  });

  it('stops on its signal', async () => {
    const controller = new AbortController();
    const many = Array.from({ length: 8 }, (_, k) => task(k, 20_000, { rows: 10, mergesPerRound: 1 }));
    const job = learnMappings(many, { signal: controller.signal, onProgress: () => controller.abort('enough') });
    await expect(job).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
    await expect(learnMappings(tasks, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('fails with the first table that fails, and stops the others', async () => {
    const bad = task(1, 300, { rows: 10 });
    bad.teacher.rows.fill(Number.NaN, 7, 8);
    const endless = task(2, 30_000, { rows: 10, mergesPerRound: 1 });
    const job = learnMappings([endless, bad, endless], { threads: 2 });
    await expect(job).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('id 3') });
  });

  it('takes hundreds of tables, and names the one that is bad', async () => {
    const methods = ['agglomerative', 'equal-mass', 'exact', 'kd-tree', 'k-means', 'lsh'] as const;
    const many = Array.from({ length: 300 }, (_, k) => ({
      ...task(k, 5 + (k % 90), { rows: 3 + (k % 7), method: methods[k % 6]! }),
      name: `feature${k}`,
    }));
    for (const { teacher } of many) teacher.counts = teacher.counts.map((count) => count + 1);
    const results = await learnMappings(many, { threads: 2 });
    for (const [k, { statistics }] of results.entries()) {
      expect(statistics).toMatchObject({ ids: 5 + (k % 90), tables: [{ emptyRows: 0 }] });
    }
    const nan = many[201]!.teacher.rows;
    nan[9] = Number.NaN;
    await expect(learnMappings(many, { threads: 2 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^Table 201 \("feature201"\): .*received NaN for id 4, dimension 1/),
    });
    nan[9] = 0;
    const options = { rows: 4, method: 'k-means' } as const;
    const misspelt = [many[0]!, { teacher: many[1]!.teacher, options: { ...options, iteratons: 3 } }];
    await expect(learnMappings(misspelt)).rejects.toMatchObject({
      code: 'UNKNOWN_OPTION',
      message: expect.stringMatching(/^Table 1: .*iterations/),
    });
  });

  it('rejects options that it does not know', async () => {
    const call = learnMappings as unknown as (...args: unknown[]) => Promise<unknown>;
    await expect(call(tasks, { thread: 1 })).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    await expect(call(tasks, { threads: 0.5 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(call(tasks, { signal: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(call([{ ...tasks[0], options: { rows: 5, colour: 1 } }])).rejects.toMatchObject({
      code: 'UNKNOWN_OPTION',
    });
  });
});
