/** A learner of a program's own, added as CONTRIBUTING.md says: it is usable wherever the shipped ones are. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clusterCommand } from '../../lib/cli/cluster.ts';
import {
  clustered,
  compare,
  Hashing,
  type Learner,
  type LearnerInput,
  learners,
  learnHashing,
  learnMapping,
  methods,
  Student,
  trainStudent,
  trainTeacher,
} from '../../lib/index.ts';
import { run } from '../cli/in_process.ts';
import { tinyConfig, tinyData } from '../pipeline/tiny.ts';

/** Deals ids to the clusters in the order of their values. */
const dealt: Learner<{ stride?: number }> = {
  name: 'dealt',
  options: {
    stride: {
      help: 'steps from one id to the next',
      default: 1,
      flag: 'number',
      check(value) {
        if (Number.isInteger(value) && (value as number) > 0) return value as number;
        throw new RangeError(`Expected a whole number for stride, received ${value}`);
      },
    },
  },
  devices: ['cpu'],
  dimensions: 'one',
  cuts1D: false,
  async learn({ vectors, counts }: LearnerInput, { clusters, stride = 1, onProgress }) {
    const order = Array.from(counts.keys()).sort((a, b) => vectors[a]! - vectors[b]! || a - b);
    const assignment = new Uint32Array(order.length);
    for (const [place, id] of order.entries()) assignment[id] = (place * stride) % clusters;
    onProgress?.({ step: 'dealing', share: 1 });
    return { assignment, rounds: 1 };
  },
};
learners.add(dealt);

const folder = mkdtempSync(join(tmpdir(), 'collide-learner-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const data = tinyData();
const teacher = await trainTeacher(data.split('teacher'), { learningRate: 0.3, batchSize: 64 });
const usual = { size: 0.3, minRows: 1, method: 'dealt' };

describe('a learner of a program', () => {
  it('clusters the values that learnMapping gives it, and is told its own option', async () => {
    const rows = Float32Array.of(5, 1, 3, 2, 4);
    const one = { rows, dim: 1, counts: Uint32Array.of(1, 1, 1, 1, 1) };
    const seen: object[] = [];
    const onProgress = (progress: object) => seen.push(progress);
    const plain = await learnMapping(one, { rows: 3, method: 'dealt', onProgress });
    expect(plain.hashes).toEqual([{ kind: 'table', rows: 3, entries: Uint8Array.of(1, 0, 2, 1, 0) }]);
    expect(plain.statistics.tables[0]).toMatchObject({ clusters: 3, rounds: 1, maxClusterSize: null });
    expect(seen).toEqual([{ step: 'dealing', share: 1, hash: 0 }]);
    const strides = await learnMapping(one, { rows: 3, method: 'dealt', ...{ stride: 2 } });
    expect(strides.hashes).toEqual([{ kind: 'table', rows: 3, entries: Uint8Array.of(2, 0, 1, 2, 0) }]);
    await expect(learnMapping(one, { rows: 3, method: 'dealt', ...{ stride: 0.5 } })).rejects.toThrow('stride');
  });

  it('is checked like the others: its options, its devices, what it gives', async () => {
    const one = { rows: Float32Array.of(1, 2, 3), dim: 1, counts: Uint32Array.of(1, 1, 1) };
    const learn = (options: object) => learnMapping(one, { rows: 2, ...options });
    await expect(learn({ stride: 2 })).rejects.toThrow('Expected no stride for learnMapping: method "agglomerative"');
    await expect(learn({ method: 'dealt', mass: 'one' })).rejects.toThrow('Expected no mass');
    await expect(learn({ method: 'dealt', projection: 'hilbert' })).rejects.toThrow('Expected method "equal-mass"');
    await expect(learn({ method: 'dealt', device: 'cuda' })).rejects.toThrow('method "dealt" has no CUDA kernels');
    await expect(learn({ method: 'dealtt' })).rejects.toThrow('Did you mean "dealt"?');
    const wrong = { ...dealt, name: 'wrong', learn: async () => ({ assignment: Uint32Array.of(0, 2, 1) }) };
    learners.add(wrong);
    await expect(learn({ method: 'wrong' })).rejects.toThrow('from learner "wrong", received 2 at index 1');
    expect(() => learners.add(dealt)).toThrow('Expected a new name for a learner');
  });

  it('gives a student its hashing; both come back from their files', async () => {
    const hashing = await learnHashing(teacher, usual);
    await hashing.save(at('mapping.safetensors'));
    const again = await Hashing.load(at('mapping.safetensors'));
    expect(again.features).toEqual(hashing.features);
    expect(again.manifest.method).toBe('dealt');
    const training = { hashing: again, dim: 2, learningRate: 0.1, epochs: 1, batchSize: 800, topHidden: [2] };
    using student = await trainStudent(data.split('student'), training); // two steps
    await student.save(at('student'));
    using loaded = await Student.load(at('student'));
    expect(await loaded.losses(data.split('evaluation'))).toEqual(await student.losses(data.split('evaluation')));
  });

  it('is a --method of collide cluster, with a flag for its option', async () => {
    await teacher.save(at('teacher.safetensors'));
    const cluster = async (...flags: string[]) => {
      const given = ['--size', '0.3', '--min-rows', '1', '--method', 'dealt', ...flags];
      await run(clusterCommand, at('teacher.safetensors'), '--out', at('cli.safetensors'), ...given);
      return (await Hashing.load(at('cli.safetensors'))).features;
    };
    expect(await cluster()).toEqual((await learnHashing(teacher, usual)).features);
    expect(await cluster('--stride', '7')).toEqual(
      (await learnHashing(teacher, { ...usual, ...{ stride: 7 } })).features,
    );
    expect(clusterCommand().helpInformation()).toMatch(
      /--stride <number>\s+dealt and wrong: steps from one id to the next/,
    );
  });

  it('is compared by a config, once it is a method', async () => {
    const sections = {
      compare: { methods: ['modulo', 'dealt'], seeds: 1, tune: { learningRate: [0.1], maxEpochs: 1 } },
    };
    expect(() => tinyConfig(sections)).toThrow('compare.methods[1]');
    expect(() => methods.add(clustered('dealtt'))).toThrow('Did you mean "dealt"?');
    methods.add(clustered('dealt'));
    const { results } = await compare(tinyConfig(sections), data);
    expect(results.map(({ method }) => method)).toEqual(['modulo', 'dealt']);
    expect(results[1]!.rows).toBe(results[0]!.rows);
    expect(results[1]!.logLoss).not.toBe(results[0]!.logLoss);
  });
});
