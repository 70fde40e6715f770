/** The choice of device from models, teacher, students, clustering and configs; on a device: test/cuda/recommender.test.ts. */
import { describe, expect, it, vi } from 'vitest';
import { type LearningMethod, learnMapping } from '../../lib/clustering/index.ts';
import { parseConfig } from '../../lib/compare/config.ts';
import { compare } from '../../lib/compare/run.ts';
import { syntheticDataset } from '../../lib/data/index.ts';
import type { Device } from '../../lib/device.ts';
import { trainCrossTeachers } from '../../lib/methods/learning/cross_teachers.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import { Recommender } from '../../lib/model/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { Student, trainStudent } from '../../lib/pipeline/student.ts';
import { trainTeacher } from '../../lib/pipeline/teacher.ts';

const { available, reason } = probeCuda();
const { data } = syntheticDataset({ rows: 1200, cardinalities: [60, 20], zipf: 0.8, effect: 2, seed: 1 });
const [past, present] = ['teacher', 'student'].map((name) => data.split(name));
const quick = { learningRate: 0.1, batchSize: 256, topHidden: [4], bottomHidden: [4] };
const knowledge = { rows: Float32Array.of(0, 1, 2, 3), dim: 1, counts: Uint32Array.of(1, 1, 1, 1) };
const model = (device?: Device) =>
  new Recommender({ features: [{ name: 'f', cardinality: 9 }], dense: 0, dim: 2, device });

function config(device: Device | undefined, methods: readonly string[]) {
  return parseConfig({
    data: {
      source: 's',
      label: 'y',
      features: ['a', 'b'],
      dense: ['x'],
      splits: { teacher: 't', student: 's', evaluation: 'e' },
    },
    device,
    teacher: { maxEpochs: 1 },
    model: { dim: 2, bottom: [4, 2], top: [4, 1] },
    compare: {
      methods,
      sizes: [0.3],
      minRows: 30,
      seeds: 1,
      hotShare: 0.5,
      tune: { learningRate: [0.1], maxEpochs: 1 },
    },
  });
}

describe('methods without CUDA kernels', () => {
  const named = /: "agglomerative", "equal-mass", "kd-tree", "k-means" have/;

  it.each<LearningMethod>(['lsh', 'exact'])('%s is refused for cuda, on the CPU for auto', async (method) => {
    await expect(learnMapping(knowledge, { rows: 2, method, device: 'cuda' })).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message: expect.stringMatching(named),
    });
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const auto = await learnMapping(knowledge, { rows: 2, method, device: 'auto' });
    expect(auto).toEqual(await learnMapping(knowledge, { rows: 2, method }));
    expect(auto.statistics.device).toBe('cpu');
    vi.restoreAllMocks();
  });
});

describe('a config', () => {
  it('names its device, and refuses what is none', () => {
    expect(config(undefined, ['full']).device).toBe('cpu');
    expect(config('auto', ['full']).device).toBe('auto');
    expect(() => config('gpu' as 'cuda', ['full'])).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
  });

  it('compared on auto says where everything ran', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { results, machine } = await compare(config('auto', ['modulo', 'lsh', 'learned']), data);
    const place = available ? 'cuda' : 'cpu';
    expect(results.map(({ devices }) => devices)).toEqual([
      { model: place },
      { model: place, clusters: 'cpu' },
      { model: place, clusters: place },
    ]);
    expect(machine.device).toBe(available ? `cuda: ${reason}; clustered on the cpu: lsh` : 'cpu');
    vi.restoreAllMocks();
  });
});

it('misspelt options of a Recommender and of Student.load are named', async () => {
  const options = { features: [{ name: 'f', cardinality: 9 }], dense: 0, dim: 2, devise: 'cpu' };
  expect(() => new Recommender(options)).toThrow(/Did you mean "device"\?/);
  await expect(Student.load('nowhere', { devise: 'cpu' } as object)).rejects.toThrow(/Did you mean "device"\?/);
});

describe('a Recommender on the CPU', () => {
  it('says so, and what it holds there', () => {
    using here = model();
    const tables = here.tables.memory();
    const net = here.net.memory();
    expect(here.devices).toEqual({ tables: 'cpu', net: 'cpu' });
    // 9 rows of 2 values with a state of 1, counts of 4 bytes and more; 2 * parameters and a step counter for LAMB.
    expect([tables.rows, tables.optimizer]).toEqual([72, 36]);
    expect(net.optimizer).toBe(net.parameters * 2 + 4);
    expect(here.memory()).toEqual({ ...tables, parameters: net.parameters });
  });
});

describe.skipIf(available)('without a CUDA device', () => {
  const cuda = { device: 'cuda' } as const;
  const unavailable = expect.objectContaining({ code: 'CUDA_UNAVAILABLE', message: expect.stringContaining(reason) });

  it('cuda is an error wherever it is asked for', async () => {
    expect(() => model('cuda')).toThrow(unavailable);
    await expect(trainTeacher(past!, { ...quick, ...cuda })).rejects.toThrow(unavailable);
    await expect(trainStudent(present!, { ...quick, ...cuda })).rejects.toThrow(unavailable);
    await expect(trainCrossTeachers(past!, present!, { ...quick, ...cuda })).rejects.toThrow(unavailable);
    await expect(compare(config('cuda', ['full']), data)).rejects.toThrow(unavailable);
    const teacher = await trainTeacher(past!, quick);
    await expect(learnHashing(teacher, { size: 0.3, minRows: 30, ...cuda })).rejects.toMatchObject({
      code: 'CUDA_UNAVAILABLE',
    });
  });

  it('auto trains on the CPU, with the same bits', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const auto = await trainTeacher(past!, { ...quick, device: 'auto' });
    expect(auto.features).toEqual((await trainTeacher(past!, quick)).features);
    using student = await trainStudent(present!, { ...quick, device: 'auto' });
    expect(student.devices).toEqual({ tables: 'cpu', net: 'cpu' });
    vi.restoreAllMocks();
  });
});

describe.skipIf(!available)('with a CUDA device', () => {
  it('compare refuses methods without kernels before anything is trained', async () => {
    await expect(compare(config('cuda', ['full', 'lsh']), data)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });
});
