/**
 * The whole model and the pipeline on a CUDA device, beside the CPU; skipped where there is no device. Parts are compared
 * more closely in train.test.ts and dense_net.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { learnMapping } from '../../lib/clustering/index.ts';
import { batches, syntheticDataset } from '../../lib/data/index.ts';
import type { HashFunction } from '../../lib/hashing/index.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import { Recommender } from '../../lib/model/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import { trainTeacher } from '../../lib/pipeline/teacher.ts';
import type { TrainingOptions } from '../../lib/training/options.ts';
import { relativeError } from '../model/reference.ts';

// As in dense_net.test.ts: the dense nets differ by the order of float32 sums, and the tables by the gradients from them.
const BOUND = 1e-5;

const { data } = syntheticDataset({ rows: 1200, cardinalities: [60, 20], zipf: 0.8, effect: 2, seed: 1 });
const [past, present, evaluation] = ['teacher', 'student', 'evaluation'].map((name) => data.split(name));

/** Epsilons well above the rounding of gradients: Adagrad divides a gradient by its own size. */
function build(device: 'cpu' | 'cuda' | 'auto'): Recommender {
  return new Recommender({
    features: [
      {
        name: data.features[0]!.name,
        cardinality: data.features[0]!.cardinality,
        hashes: [{ kind: 'modulo', rows: 9 }],
      },
      { name: data.features[1]!.name, cardinality: data.features[1]!.cardinality },
    ],
    dense: present!.denseCount,
    dim: 4,
    bottomHidden: [8],
    topHidden: [8],
    embeddingOptimizer: { kind: 'rowwise-adagrad', learningRate: 0.05, epsilon: 1e-2 },
    denseOptimizer: { kind: 'lamb', learningRate: 0.01, epsilon: 1e-3 },
    countAccesses: false, // the CPU needs a byte per id more for them
    device,
  });
}

describe.skipIf(!probeCuda().available)('on the device', () => {
  it('a Recommender trains as on the CPU', () => {
    using cpu = build('cpu');
    using cuda = build('cuda');
    expect([cpu.devices, cuda.devices]).toEqual([
      { tables: 'cpu', net: 'cpu' },
      { tables: 'cuda', net: 'cuda' },
    ]);
    const before = cpu.tables.weights(data.features[0]!.name);
    let steps = 0;
    for (const batch of batches(present!, { size: 100 })) {
      if (steps++ === 4) break;
      expect(cuda.step(batch) / cpu.step(batch), 'loss').toBeCloseTo(1, 5);
    }
    expect(steps).toBeGreaterThan(3);
    expect(relativeError(before, cpu.tables.weights(data.features[0]!.name))).toBeGreaterThan(0.01);
    for (const { name } of data.features) {
      expect(relativeError(cuda.tables.weights(name), cpu.tables.weights(name)), name).toBeLessThan(BOUND);
    }
    expect(relativeError(cuda.net.parameters(), cpu.net.parameters()), 'net').toBeLessThan(BOUND);
    for (const batch of batches(evaluation!, { size: 100 })) {
      const [found, wanted] = [new Float32Array(batch.size), new Float32Array(batch.size)];
      cuda.predict(batch, found);
      cpu.predict(batch, wanted);
      expect(relativeError(found, wanted), 'logits').toBeLessThan(BOUND);
    }
    expect(cuda.memory()).toEqual(cpu.memory());
  });

  it('teacher, hashing and student go the whole way', async () => {
    const training: TrainingOptions = {
      learningRate: 0.1,
      batchSize: 128,
      topHidden: [8],
      bottomHidden: [8],
      device: 'cuda',
    };
    const teacher = await trainTeacher(past!, { ...training, dim: 2 });
    const hashing = await learnHashing(teacher, { size: 0.3, minRows: 30, device: 'cuda' });
    const again = await learnHashing(teacher, { size: 0.3, minRows: 30 });
    expect(hashing.features).toEqual(again.features);
    using student = await trainStudent(present!, { ...training, hashing, dim: 4 });
    expect(student.devices).toEqual({ tables: 'cuda', net: 'cuda' });
    expect((await student.evaluate(evaluation!)).logLoss).toBeLessThan(0.8);
  });

  it('a student of rows in parts trains as on the CPU, the learned part by folds', async () => {
    const { name, cardinality } = data.features[0]!;
    const parts = [
      { kind: 'table' as const, rows: 6, entries: Uint8Array.from({ length: cardinality }, (_, id) => id % 6) },
      { kind: 'mixed' as const, rows: 6, seed: 1 },
    ];
    const whole = { name: data.features[1]!.name, cardinality: data.features[1]!.cardinality };
    const hashingOf = (trainingHashes?: HashFunction[][]) =>
      new Hashing(
        [
          { name, cardinality, hashes: parts, combine: 'concat', trainingHashes },
          { ...whole, hashes: [{ kind: 'identity' }], combine: 'sum' },
        ],
        { method: 'parts', size: 0.1, minRows: 0, seed: 0 },
      );
    const train = (device: 'cpu' | 'cuda', trainingHashes?: HashFunction[][]) =>
      trainStudent(present!, {
        ...{
          hashing: hashingOf(trainingHashes),
          device,
          dim: 4,
          learningRate: 0.05,
          batchSize: 128,
          topHidden: [8],
          bottomHidden: [8],
        },
        embeddingOptimizer: { kind: 'rowwise-adagrad', epsilon: 1e-2 },
        denseOptimizer: { kind: 'lamb', learningRate: 0.01, epsilon: 1e-3 },
      });
    const fold = (step: number): HashFunction[] => [
      { kind: 'table', rows: 6, entries: Uint8Array.from({ length: cardinality }, (_, id) => (id + step) % 6) },
      parts[1]!,
    ];
    using cuda = await train('cuda', [fold(1), fold(2)]);
    using cpu = await train('cpu', [fold(1), fold(2)]);
    using straight = await train('cpu');
    expect(cuda.devices).toEqual({ tables: 'cuda', net: 'cuda' });
    const [a, b, c] = await Promise.all([cuda, cpu, straight].map((student) => student.predict(evaluation!)));
    expect(relativeError(a!, b!)).toBeLessThan(BOUND);
    expect(relativeError(c!, b!)).toBeGreaterThan(0.01);
  });

  it('auto puts each part where it can be', () => {
    const options = { features: [{ name: 'f', cardinality: 9, precision: 'float16' as const }], dense: 0, dim: 2 };
    using model = new Recommender({ ...options, device: 'auto' });
    expect(model.devices).toEqual({ tables: 'cpu', net: 'cuda' });
    expect(model.memory()).toEqual({ ...model.tables.memory(), parameters: model.net.memory().parameters });
    expect(() => new Recommender({ ...options, device: 'cuda' })).toThrow(
      expect.objectContaining({ code: 'NOT_SUPPORTED', message: expect.stringContaining('precision "float16"') }),
    );
  });

  it('auto learns on the CPU what has no kernels', async () => {
    const teacher = { rows: Float32Array.of(0, 1, 2, 3), dim: 1, counts: Uint32Array.of(1, 1, 1, 1) };
    const devices = async (method: 'lsh' | 'equal-mass') =>
      (await learnMapping(teacher, { rows: 2, method, device: 'auto' })).statistics.device;
    expect([await devices('lsh'), await devices('equal-mass')]).toEqual(['cpu', 'cuda']);
  });
});
