import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnMapping } from '../../lib/clustering/learn_mapping.ts';
import type { LearnMappingOptions } from '../../lib/clustering/learn_mapping_options.ts';
import { agglomerate } from '../../lib/clustering/learners/agglomerative.ts';
import { equalMassBins } from '../../lib/clustering/learners/equal_mass.ts';
import { learnKdTree } from '../../lib/clustering/learners/kd_tree.ts';
import { principalProjection } from '../../lib/clustering/principal.ts';
import { checkHashFunction, type HashFunction, mixedRow, rowsOfAll } from '../../lib/hashing/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { generator } from './reference.ts';

function makeTeacher(seed: number, ids: number, dim: number, seenShare = 0.7) {
  const random = generator(seed);
  const rows = Float32Array.from({ length: ids * dim }, () => random() - 0.5);
  const counts = Uint32Array.from({ length: ids }, () => (random() < seenShare ? 1 + 50 * random() ** 4 : 0));
  const hotCounts = Uint32Array.from({ length: ids }, () => Math.max(0, 40 * random() ** 3 - 2));
  return { rows, dim, counts, hotCounts };
}
type Teacher = ReturnType<typeof makeTeacher>;

const entriesOf = (hash: HashFunction) => {
  if (hash.kind !== 'table') throw new Error(`expected a table, received ${hash.kind}`);
  return hash.entries;
};

/** Ids by (hotCounts desc, id asc), accessed ones only. */
const hottest = ({ hotCounts }: Teacher) =>
  Array.from(hotCounts.keys())
    .sort((a, b) => hotCounts[b]! - hotCounts[a]! || a - b)
    .filter((id) => hotCounts[id]! > 0);

describe('learnMapping: who gets which row', () => {
  const cases = fc.record({
    seed: fc.nat(),
    ids: fc.integer({ min: 1, max: 80 }),
    dim: fc.integer({ min: 2, max: 3 }),
    seenShare: fc.constantFrom(0, 0.1, 0.7, 1),
    rows: fc.integer({ min: 2, max: 60 }),
    hotShare: fc.constantFrom(0, 0.25, 0.5, 1),
    unseen: fc.constantFrom(
      'cluster' as const,
      'dealt' as const,
      'hash' as const,
      'reserved' as const,
      'shared' as const,
    ),
    reservedShare: fc.constantFrom(0, 0.1, 0.5, 1),
    method: fc.constantFrom(
      'agglomerative' as const,
      'equal-mass' as const,
      'kd-tree' as const,
      'k-means' as const,
      'lsh' as const,
    ),
    hashes: fc.constantFrom(1 as const, 2 as const),
    combine: fc.constantFrom('sum' as const, 'concat' as const),
  });

  it('hot ids own the first rows, unseen ids follow the policy, the learner fills the rest', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, ids, dim, seenShare, reservedShare, ...options }) => {
        const hashCount = options.method === 'kd-tree' || options.method === 'k-means' ? 1 : options.hashes;
        const teacher = makeTeacher(seed, ids, dim, seenShare);
        const { hashes, statistics } = await learnMapping(teacher, {
          ...options,
          ...(options.unseen === 'reserved' && { reservedShare }),
          hashes: hashCount,
          seed: 11,
        });
        expect(hashes.length).toBe(hashCount);
        expect(statistics.unseenIds).toBe(teacher.counts.filter((c) => c === 0).length);
        hashes.forEach((hash, k) => {
          const halved = hashCount === 2 && options.combine === 'sum';
          const rows = halved ? Math.floor((options.rows + (k === 0 ? 1 : 0)) / 2) : options.rows;
          const table = statistics.tables[k]!;
          checkHashFunction(hash, ids, 'test');
          if (rows >= ids) {
            expect(hash).toEqual({ kind: 'identity' });
            expect(table).toMatchObject({ rows: ids, clusters: 0, emptyRows: 0, largestRow: 1 });
            return;
          }
          const entries = entriesOf(hash);
          expect(entries).toBeInstanceOf(Uint8Array);
          expect(hash).toMatchObject({ rows });
          const dealt = options.unseen === 'dealt';
          const mostHot = dealt ? rows : rows - 1;
          const hot = hottest(teacher).slice(0, Math.min(mostHot, Math.round(options.hotShare * rows)));
          expect(table.hotRows).toBe(hot.length);
          hot.forEach((id, row) => {
            expect(entries[id]).toBe(row);
          });
          const cold = Array.from(teacher.counts.keys()).filter((id) => !hot.includes(id));
          const left = rows - hot.length;
          const unseen =
            options.unseen === 'cluster' ? [] : cold.filter((id) => teacher.counts[id] === 0 || left === 0);
          const clustered = cold.filter((id) => !unseen.includes(id));
          const wanted = options.unseen === 'reserved' ? Math.max(1, Math.round(reservedShare * rows)) : 1;
          const own = Math.max(1, Math.min(wanted, unseen.length, left - 1));
          const over = options.unseen === 'hash' ? left : own;
          const { hotCounts } = teacher;
          if (dealt) unseen.sort((a, b) => hotCounts[b]! - hotCounts[a]! || a - b);
          for (const [turn, id] of unseen.entries()) {
            if (dealt) expect(entries[id]).toBe(turn % rows);
            else expect(entries[id]).toBe(rows - over + Number(mixedRow(BigInt(id), 11n + BigInt(k), BigInt(over))));
          }
          const kept = options.unseen === 'hash' || dealt || unseen.length === 0 ? 0 : own;
          const clusterRows = Math.min(clustered.length, Math.max(1, left - kept));
          const learned = new Set(clustered.map((id) => entries[id]! - hot.length));
          expect([...learned].sort((a, b) => a - b)).toEqual(Array.from({ length: clusterRows }, (_, row) => row));
          expect(table.clusters).toBe(clusterRows);
          expect(table.clusteredIds).toBe(clustered.length);
          const load = Array.from({ length: rows }, (_, row) => entries.filter((entry) => entry === row).length);
          expect(table.emptyRows).toBe(load.filter((n) => n === 0).length);
          expect(table.largestRow).toBe(Math.max(...load));
        });
      }),
      { numRuns: 300 },
    );
  });
});

describe('learnMapping: methods', () => {
  const teacher = makeTeacher(1, 500, 2, 1);
  const learn = async (options: Partial<LearnMappingOptions>) => learnMapping(teacher, { rows: 60, ...options });

  it('agglomerative clusters the count-weighted principal component, sizes limited to 4 x the average', async () => {
    const keys = await principalProjection(teacher.rows, 2, teacher.counts);
    const expected = await agglomerate(keys, teacher.counts, { rows: 60, maxClusterSize: 36 });
    const { hashes, statistics } = await learn({});
    expect([...entriesOf(hashes[0]!)]).toEqual([...expected.assignment]);
    expect(statistics.tables[0]).toMatchObject({
      rounds: expected.rounds,
      fallbackRounds: 0,
      largestRow: Math.max(...expected.sizes),
    });
  });

  it('agglomerative passes its options on', async () => {
    const method = {
      mergesPerRound: 3,
      maxClusterSize: 12,
      filters: [{ by: 'size' as const }, { by: 'distance' as const, keep: 2 }],
      mergedValue: 'mean' as const,
    };
    const keys = await principalProjection(teacher.rows, 2, teacher.counts);
    const expected = await agglomerate(keys, teacher.counts, { rows: 60, ...method });
    expect([...entriesOf((await learn(method)).hashes[0]!)]).toEqual([...expected.assignment]);
  });

  it('equal-mass and kd-tree', async () => {
    const keys = await principalProjection(teacher.rows, 2, teacher.counts);
    const bins = await learn({ method: 'equal-mass', mass: 'cbrt' });
    expect([...entriesOf(bins.hashes[0]!)]).toEqual([
      ...(await equalMassBins(keys, teacher.counts, 60, { mass: 'cbrt' })),
    ]);
    const tree = await learn({ method: 'kd-tree' });
    expect([...entriesOf(tree.hashes[0]!)]).toEqual([...(await learnKdTree(teacher.rows, 2, teacher.counts, 60))]);
  });

  it('two hashes cluster the two axes, rows halved for sum and kept for concat', async () => {
    const axis = (d: number) => Float64Array.from({ length: 500 }, (_, id) => teacher.rows[id * 2 + d]!);
    for (const [combine, heights] of [
      ['sum', [31, 30]],
      ['concat', [61, 61]],
    ] as const) {
      const { hashes } = await learn({ rows: 61, hashes: 2, combine, method: 'equal-mass' });
      for (const [d, hash] of hashes.entries()) {
        expect([...entriesOf(hash)]).toEqual([...(await equalMassBins(axis(d), teacher.counts, heights[d]!))]);
      }
    }
    const principal = await learn({ hashes: 2, combine: 'concat', method: 'equal-mass', projection: 'principal' });
    const second = await equalMassBins(
      await principalProjection(teacher.rows, 2, teacher.counts, 1),
      teacher.counts,
      60,
    );
    expect([...entriesOf(principal.hashes[1]!)]).toEqual([...second]);
    const axisOnly = await learn({ method: 'equal-mass', projection: 'axis' });
    expect([...entriesOf(axisOnly.hashes[0]!)]).toEqual([...(await equalMassBins(axis(0), teacher.counts, 60))]);
  });

  it('a teacher of width 1 is clustered by its value', async () => {
    const values = Float32Array.from({ length: 100 }, generator(4));
    const counts = new Uint32Array(100).fill(2);
    const { hashes } = await learnMapping({ rows: values, dim: 1, counts }, { rows: 10 });
    const expected = await agglomerate(values, counts, { rows: 10, maxClusterSize: 40 });
    expect([...entriesOf(hashes[0]!)]).toEqual([...expected.assignment]);
  });
});

describe('learnMapping: edges', () => {
  it('rows for every id: the identity', async () => {
    for (const rows of [10, 11, 1000]) {
      const { hashes } = await learnMapping(makeTeacher(1, 10, 2), { rows, hotShare: 0.5 });
      expect(hashes).toEqual([{ kind: 'identity' }]);
    }
  });

  it('counts all 0: nothing to learn, all ids hashed, shared or clustered', async () => {
    const teacher = { rows: Float32Array.from({ length: 60 }, generator(2)), dim: 2, counts: new Uint32Array(30) };
    const hashed = await learnMapping(teacher, { rows: 7, hotShare: 0.5, unseen: 'hash', seed: 3n });
    const expected = rowsOfAll({ kind: 'mixed', rows: 7, seed: 3n }, 30);
    expect([...entriesOf(hashed.hashes[0]!)]).toEqual([...expected]);
    expect(hashed.statistics).toMatchObject({ unseenIds: 30, unseenTraffic: 0 });
    expect(hashed.statistics.tables[0]).toMatchObject({ hotRows: 0, clusters: 0, clusteredIds: 0 });
    const shared = await learnMapping(teacher, { rows: 7 });
    expect(new Set(entriesOf(shared.hashes[0]!))).toEqual(new Set([6]));
    for (const method of ['agglomerative', 'equal-mass', 'kd-tree', 'k-means', 'lsh'] as const) {
      const clustered = await learnMapping(teacher, { rows: 7, unseen: 'cluster', method });
      expect(new Set(entriesOf(clustered.hashes[0]!)).size).toBe(7);
    }
  });

  it('a hot share of everything leaves one row to the others', async () => {
    const teacher = { ...makeTeacher(3, 20, 2, 1), hotCounts: Uint32Array.from({ length: 20 }, (_, id) => 20 - id) };
    const { hashes } = await learnMapping(teacher, { rows: 8, hotShare: 1 });
    expect([...entriesOf(hashes[0]!)]).toEqual([0, 1, 2, 3, 4, 5, 6, ...Array(13).fill(7)]);
    const single = await learnMapping(teacher, { rows: 1, hotShare: 1 });
    expect(new Set(entriesOf(single.hashes[0]!))).toEqual(new Set([0]));
  });

  it('hot ids need recent accesses, and may be ids that the teacher never saw', async () => {
    const counts = Uint32Array.of(5, 5, 5, 0, 0, 5);
    const hotCounts = Uint32Array.of(0, 0, 0, 0, 9, 1);
    const teacher = { rows: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), dim: 1, counts, hotCounts };
    const { hashes, statistics } = await learnMapping(teacher, { rows: 5, hotShare: 1, unseen: 'shared' });
    expect([...entriesOf(hashes[0]!)]).toEqual([2, 2, 3, 4, 0, 1]);
    expect(statistics).toMatchObject({ unseenIds: 2, unseenTraffic: 0.9 });
  });

  it('fewer seen ids than rows: each owns one, unseen ids go over all of them', async () => {
    const teacher = makeTeacher(6, 50, 2, 0);
    teacher.counts.set([3, 4, 5], 10);
    const { hashes, statistics } = await learnMapping(teacher, { rows: 20, seed: 5 });
    const entries = entriesOf(hashes[0]!);
    expect(new Set([10, 11, 12].map((id) => entries[id]))).toEqual(new Set([0, 1, 2]));
    expect(entries[0]).toBe(Number(mixedRow(0n, 5n, 20n)));
    expect(statistics.tables[0]).toMatchObject({ clusters: 3, clusteredIds: 3 });
  });

  it('one shared row and nothing beside it', async () => {
    const { hashes } = await learnMapping(makeTeacher(6, 50, 2, 0.5), { rows: 1, unseen: 'shared' });
    expect(new Set(entriesOf(hashes[0]!))).toEqual(new Set([0]));
  });

  it('entries take the narrowest array that fits', async () => {
    const ids = 70_000;
    const teacher = {
      rows: Float32Array.from({ length: ids }, generator(8)),
      dim: 1,
      counts: new Uint32Array(ids).fill(1),
    };
    for (const [rows, type] of [
      [256, Uint8Array],
      [257, Uint16Array],
      [65_536, Uint16Array],
      [65_537, Uint32Array],
    ] as const) {
      const { hashes } = await learnMapping(teacher, { rows, method: 'equal-mass' });
      expect(entriesOf(hashes[0]!)).toBeInstanceOf(type);
      expect(entriesOf(hashes[0]!)[0]).toBeLessThan(rows);
    }
  });

  it('does not use the arrays after the call, not even for the second table', async () => {
    const teacher = makeTeacher(9, 300, 2);
    const options = { rows: 40, hashes: 2 as const, hotShare: 0.2 };
    const expected = await learnMapping(teacher, options);
    const promise = learnMapping(teacher, options);
    for (const array of [teacher.rows, teacher.counts, teacher.hotCounts]) {
      structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });
    }
    expect(await promise).toEqual(expected);
  });

  it('clusters the members alone, in every table by the dimension that is its own', async () => {
    const teacher = makeTeacher(5, 200, 2, 0.5);
    const options = { rows: 21, hashes: 2, combine: 'concat', method: 'equal-mass' } as const;
    const { hashes } = await learnMapping(teacher, options);
    const members = [...teacher.counts.keys()].filter((id) => teacher.counts[id]! > 0);
    const counts = Uint32Array.from(members, (id) => teacher.counts[id]!);
    for (const [axis, hash] of hashes.entries()) {
      const values = Float64Array.from(members, (id) => teacher.rows[2 * id + axis]!);
      const bins = await equalMassBins(values, counts, 20);
      expect(members.map((id) => entriesOf(hash)[id])).toEqual([...bins]);
    }
  });

  it('stops on its signal and reports the rounds of each table', async () => {
    const teacher = makeTeacher(9, 5000, 2, 1);
    const aborted = learnMapping(teacher, { rows: 40, signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    const tables = new Set<number>();
    await learnMapping(teacher, {
      rows: 40,
      hashes: 2,
      onProgress: ({ hash, round, clusters }) => {
        expect(round).toBeGreaterThan(0);
        expect(clusters).toBeLessThan(5000);
        tables.add(hash);
      },
    });
    expect(tables).toEqual(new Set([0, 1]));
    const controller = new AbortController();
    const between = learnMapping(teacher, {
      rows: 40,
      hashes: 2,
      signal: controller.signal,
      onProgress: () => controller.abort('enough'),
    });
    await expect(between).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });
});

describe('learnMapping: bad input', () => {
  const teacher = makeTeacher(1, 20, 2);
  const rejects = async (code: string, message: string, given: unknown, options: unknown) => {
    const call = learnMapping as unknown as (...args: unknown[]) => Promise<unknown>;
    await expect(call(given, options)).rejects.toMatchObject({
      name: 'CollideError',
      code,
      message: expect.stringContaining(message),
    });
  };

  it.each([
    ['rows', { rows: 0 }],
    ['rows', { rows: 2.5 }],
    ['rows', {}],
    ['Did you mean "equal-mass"?', { rows: 5, method: 'equalmass' }],
    ['unseen', { rows: 5, unseen: 'drop' }],
    ['hotShare', { rows: 5, hotShare: 1.1 }],
    ['reservedShare', { rows: 5, unseen: 'reserved', reservedShare: -0.1 }],
    ['no reservedShare', { rows: 5, reservedShare: 0.1 }],
    ['hotShare', { rows: 5, hotShare: Number.NaN }],
    ['hashes', { rows: 5, hashes: 3 }],
    ['at least as wide', { rows: 5, hashes: 2 }, { ...teacher, dim: 1, rows: teacher.rows.slice(0, 20) }],
    ['2 hashes summed', { rows: 1, hashes: 2 }],
    ['all teacher dimensions', { rows: 5, hashes: 2, method: 'kd-tree' }],
    ['all teacher dimensions', { rows: 5, hashes: 2, method: 'k-means' }],
    ['combine', { rows: 5, combine: 'multiply' }],
    ['projection', { rows: 5, projection: 'random' }],
    ['seed', { rows: 5, seed: -1 }],
    ['seed', { rows: 5, seed: 2n ** 64n }],
    ['seed', { rows: 5, seed: 0.5 }],
    ['mergesPerRound', { rows: 5, mergesPerRound: 0 }],
    ['maxClusterSize', { rows: 5, maxClusterSize: 0.5 }],
    ['filters', { rows: 5, filters: [] }],
    ['no maxClusterSize', { rows: 5, method: 'kd-tree', maxClusterSize: 3 }],
    ['no filters', { rows: 5, method: 'equal-mass', filters: [] }],
    ['no mass', { rows: 5, mass: 'sqrt' }],
    ['mass', { rows: 5, method: 'equal-mass', mass: 'none' }],
    ['no projection', { rows: 5, method: 'lsh', projection: 'axis' }],
    ['no maxClusterSize', { rows: 5, method: 'k-means', maxClusterSize: 3 }],
    ['no weight', { rows: 5, method: 'lsh', weight: 'sqrt' }],
    ['no iterations', { rows: 5, iterations: 3 }],
    ['no directions', { rows: 5, method: 'kd-tree', directions: 2 }],
    ['directions', { rows: 5, method: 'lsh', directions: 0 }],
    ['weight', { rows: 5, method: 'k-means', weight: 'cbrt' }],
    ['iterations', { rows: 5, method: 'k-means', iterations: 0.5 }],
    ['no rotate', { rows: 5, rotate: true }],
    ['no projection', { rows: 5, method: 'kd-tree', projection: 'axis' }],
    ['AbortSignal', { rows: 5, signal: 1 }],
    ['hotCounts', { rows: 5 }, { ...teacher, hotCounts: new Uint32Array(3) }],
    ['hotCounts', { rows: 5 }, { ...teacher, hotCounts: new Float64Array(20).fill(0.5) }],
    ['counts', { rows: 5 }, { ...teacher, counts: new Float64Array(20).fill(-1) }],
    ['id 0, dimension 1', { rows: 5 }, { ...teacher, rows: new Float32Array(40).fill(Number.NaN, 1) }],
    ['options object', { rows: 5 }, undefined],
  ])('%s: %o', (message, options, given: unknown = teacher) =>
    rejects('INVALID_ARGUMENT', message, message === 'options object' ? undefined : given, options),
  );

  it('codes of their own', async () => {
    await rejects('UNKNOWN_OPTION', 'Did you mean "hotShare"?', teacher, { rows: 5, hotshare: 0.5 });
    await rejects('UNKNOWN_OPTION', 'Did you mean "counts"?', { ...teacher, count: 1 }, { rows: 5 });
    const { available, reason } = probeCuda();
    if (!available) await rejects('CUDA_UNAVAILABLE', reason, teacher, { rows: 5, device: 'cuda' });
  });
});
