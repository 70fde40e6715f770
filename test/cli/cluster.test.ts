/** `collide cluster`: every flag reaches the work, which is that of learnHashing and planBudget. */
import { afterAll, describe, expect, it } from 'vitest';
import { clusterCommand } from '../../lib/cli/cluster.ts';
import { planBudget } from '../../lib/methods/learning/budget.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import type { LearnHashingOptions } from '../../lib/methods/learning/options.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { Teacher, trainTeacher } from '../../lib/pipeline/teacher.ts';
import { tinyData } from '../pipeline/tiny.ts';
import { run, tinyFolder } from './in_process.ts';

const { at, close } = tinyFolder();
afterAll(close);
const trained = await trainTeacher(tinyData().split('teacher'), { learningRate: 0.3, batchSize: 64, dim: 3 });
await trained.save(at('teacher.safetensors'));
const teacher = await Teacher.load(at('teacher.safetensors'));

async function cluster(...args: string[]) {
  const printed = await run(clusterCommand, at('teacher.safetensors'), '--out', at('m.safetensors'), ...args);
  return { printed, hashing: await Hashing.load(at('m.safetensors')) };
}
/** Seeds of hash functions come back as bigints. */
const plain = ({ features }: Hashing) =>
  JSON.parse(JSON.stringify(features, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));

describe('collide cluster', () => {
  const usual = { size: 0.3, minRows: 1 };
  const given = ['--size', '0.3', '--min-rows', '1'];
  it.each<[string, Partial<LearnHashingOptions>, string[]?, Partial<LearnHashingOptions>?]>([
    ['--size 0.4', { size: 0.4 }],
    ['--min-rows 40', { minRows: 40 }],
    ['--method kd-tree', { method: 'kd-tree' }],
    ['--method kd-tree --rotate', { method: 'kd-tree', rotate: true }],
    ['--method equal-mass --mass one', { method: 'equal-mass', mass: 'one' }],
    ['--method equal-mass --projection hilbert', { method: 'equal-mass', projection: 'hilbert' }],
    ['--method k-means --weight uniform --iterations 1', { method: 'k-means', weight: 'uniform', iterations: 1 }],
    ['--method lsh --seed 3', { method: 'lsh', seed: 3 }],
    ['--method lsh --directions 1', { method: 'lsh', directions: 1 }],
    ['--hot-share 0.5', { hotShare: 0.5 }],
    ['--unseen hash --seed 5', { unseen: 'hash', seed: 5 }],
    ['--unseen reserved --reserved-share 0.5', { unseen: 'reserved', reservedShare: 0.5 }],
    ['--hashes 2 --combine concat', { hashes: 2, combine: 'concat' }],
    ['--projection axis', { projection: 'axis' }],
    ['--merges-per-round 20', { mergesPerRound: 20 }],
    ['--max-cluster-size 4', { maxClusterSize: 4 }, ['--merges-per-round', '20'], { mergesPerRound: 20 }],
    ['--frequency none', { filters: [{ by: 'distance' }, { by: 'size' }], mergedValue: 'mean' }],
    ['--device auto', { device: 'auto' }],
  ])('%s is %j', async (flags, options, besides = [], base = {}) => {
    const { hashing } = await cluster(...given, ...besides, ...flags.split(' '));
    expect(plain(hashing)).toEqual(plain(await learnHashing(teacher, { ...usual, ...base, ...options })));
    if (flags.includes('--device')) return; // the same bits anywhere
    expect(plain(hashing)).not.toEqual(plain(await learnHashing(teacher, { ...usual, ...base })));
  });

  it('learns the rows that --budget planned', async () => {
    const bytes = 1500;
    for (const [flags, options] of [
      [[], { dim: 8 }],
      [
        ['--sensitivity', `${teacher.features[0]!.name}=1000`],
        { dim: 8, sensitivity: { [teacher.features[0]!.name]: 1000 } },
      ],
      [[], { dim: 4 }],
    ] as const) {
      const { rows, tables } = await planBudget(teacher, { bytes, minRows: 1, ...options });
      const { printed, hashing } = await cluster(
        ...['--budget', `${bytes}`, '--dim', `${options.dim}`, '--min-rows', '1', ...flags],
      );
      for (const { name, rows: planned } of tables) expect(printed).toContain(`${name}: ${planned} rows`);
      const found = hashing.features.map(({ name, cardinality, hashes: [hash] }) => [
        name,
        hash!.kind === 'table' ? hash!.rows : cardinality,
      ]);
      expect(Object.fromEntries(found)).toEqual(rows);
      expect(plain(hashing)).toEqual(plain(await learnHashing(teacher, { size: 1, rows, minRows: 1 })));
      expect(4 * options.dim * hashing.rows() + hashing.mappingBytes()).toBeLessThanOrEqual(bytes);
    }
  });
});

it('a strict limit that a row of unseen ids exceeds is told, and kept when they are clustered', async () => {
  const ids = 40;
  const feature = {
    name: 'movie',
    cardinality: ids,
    rows: Float32Array.from({ length: ids }, (_, id) => (id * 7) % ids),
    counts: Uint32Array.from({ length: ids }, (_, id) => (id < 20 ? 0 : 3)),
  };
  await new Teacher(1, [feature]).save(at('half.safetensors'));
  const strict = ['--size', '0.25', '--min-rows', '1', '--max-cluster-size', '4', '--strict-size'];
  const halves = (...args: string[]) =>
    run(clusterCommand, at('half.safetensors'), '--out', at('m.safetensors'), ...strict, ...args);
  expect(await halves()).toContain('movie: the largest row has 20 ids, 4 were wanted: ids that the teacher never saw');
  expect(await halves('--unseen', 'cluster')).not.toContain('largest row');
});
