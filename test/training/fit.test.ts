/** What reaches a training: its rows, seed, batch size and epochs; and that the validation rows choose and train nothing. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Dataset, datasetFromArrays, type SplitArrays, shuffled, syntheticDataset } from '../../lib/data/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { trainCrossTeachers } from '../../lib/methods/learning/cross_teachers.ts';
import { lambRate } from '../../lib/model/optimizers/lamb.ts';
import type { Recommender } from '../../lib/model/recommender.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { Student, type StudentOptions, trainStudent } from '../../lib/pipeline/student.ts';
import { type TeacherOptions, trainTeacher } from '../../lib/pipeline/teacher.ts';
import { fitFixed, fitTuned } from '../../lib/training/fit.ts';
import { buildRecommender } from '../../lib/training/options.ts';
import { measureSensitivity } from '../../lib/training/sensitivity.ts';
import { defaultBatchSize, trainEpoch } from '../../lib/training/train.ts';
import { epochSeed } from '../../lib/training/tune.ts';
import { arraysOf, flipped, replaced, takeRows, tinyArrays, tinyData } from '../pipeline/tiny.ts';

const data = tinyData();
const [past, present, validation] = ['teacher', 'student', 'validation'].map((name) => data.split(name));
const usual = { bottomHidden: [4], topHidden: [4], batchSize: 64, learningRate: 0.3 };

/** Full tables, which train their first row alone. */
const trainedByOneRow = new Hashing(
  data.features.map(({ name, cardinality }) => ({
    ...{ name, cardinality, hashes: [{ kind: 'identity' }], combine: 'sum' },
    trainingHashes: [[{ kind: 'table', rows: cardinality, entries: new Uint32Array(cardinality) }]],
  })),
  { method: 'full', size: 1, minRows: 0, seed: 0 },
);

const build = (rate: number) => buildRecommender(present!, undefined, 4, usual, rate);
const bits = (model: Recommender) => [
  model.net.parameters(),
  ...data.features.map(({ name }) => model.tables.weights(name)),
];
const fixedBits = async (options: object) => {
  const { model, ...fit } = await fitFixed(present!, build, { ...usual, ...options });
  using owned = model;
  return { fit, bits: bits(owned) };
};

describe('buildRecommender', () => {
  it('starts from the seed: every table and every layer', () => {
    const start = (seed?: number) => {
      using model = buildRecommender(present!, undefined, 4, { ...usual, seed }, 0.3);
      const parameters = model.net.parameters();
      const layers = model.net.tensors().filter(({ name }) => name.endsWith('weight'));
      return [
        ...data.features.map(({ name }) => model.tables.weights(name)),
        ...layers.map(({ start: from, length }) => parameters.slice(from, from + length)),
      ];
    };
    const [first, second] = [start(1), start(2)];
    expect(start()).toEqual(first);
    for (const [k, tensor] of first.entries()) expect(tensor).not.toEqual(second[k]);
  });
});

describe('fitFixed', () => {
  it('is one epoch after the other, each in an order of its own', async () => {
    for (const seed of [1, 7]) {
      using model = build(0.3);
      for (const epoch of [1, 2, 3]) {
        await trainEpoch(model, present!, { batchSize: 64, seed: epochSeed(seed, epoch) });
      }
      expect(await fixedBits({ seed, epochs: 3 })).toEqual({
        fit: { learningRate: 0.3, epochs: 3, batchSize: 64 },
        bits: bits(model),
      });
    }
  });

  it('takes one pass, seed 1 and the default batch size where nothing else is said', async () => {
    const batchSize = defaultBatchSize(present!.rows);
    const found = await fixedBits({ batchSize: undefined });
    expect(found).toEqual(await fixedBits({ batchSize, epochs: 1, seed: 1 }));
    expect(found.bits).not.toEqual((await fixedBits({ batchSize: batchSize + 1 })).bits);
  });

  it('gives no two epochs of any seeds the same order', () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      for (let epoch = 1; epoch <= 20; epoch++) orders.add(shuffled(12, epochSeed(seed, epoch)).join());
    }
    expect(orders.size).toBe(20 * 20);
  });
});

describe('fitTuned', () => {
  it('shows onBest the models that fitFixed trains, and returns what it gave for the one it names', async () => {
    const shared = { seed: 5, outOfVocabulary: { older: past!, share: 0.2 } };
    const hashing = trainedByOneRow.features;
    const built = (rate: number) => buildRecommender(present!, hashing, 4, { ...usual, ...shared }, rate);
    const options = { ...usual, ...shared, learningRate: [0.02, 0.3, 1], epochs: 3, validation: validation! };
    const { learningRate, epochs, batchSize, result } = await fitTuned(present!, built, options, bits);
    expect([learningRate, epochs]).not.toEqual([0.02, 1]); // there was something to choose
    const { model, ...fit } = await fitFixed(present!, built, { ...options, learningRate, epochs });
    using owned = model;
    expect({ fit, bits: bits(owned) }).toEqual({ fit: { learningRate, epochs, batchSize }, bits: result });
  });
});

/** A model's answers on rows that nothing else has seen. */
async function answers(given: StudentOptions, of: Dataset = data) {
  using student = await trainStudent(of.split('student'), { ...usual, dim: 4, ...given });
  return { fit: student.fit, logits: await student.predict(data.split('evaluation')) };
}

const modulo = await baselineHashing(data.features, { method: 'modulo', size: 0.3, minRows: 1 });

describe('trainStudent', () => {
  it('gives the same bits for the same seed, others for another', async () => {
    const first = await answers({ seed: 3 });
    expect(await answers({ seed: 3 })).toEqual(first);
    expect((await answers({ seed: 4 })).logits).not.toEqual(first.logits);
    expect(await answers({ seed: 1 })).toEqual(await answers({}));
  });

  const older = past!;
  it.each<[string, StudentOptions]>([
    ['dim', { dim: 5 }],
    ['bottomHidden', { bottomHidden: [5] }],
    ['topHidden', { topHidden: [5] }],
    ['embeddingOptimizer', { embeddingOptimizer: { kind: 'adam' } }],
    ['denseOptimizer', { denseOptimizer: { kind: 'adagrad' } }],
    ['init', { init: { kind: 'uniform', scale: 0.01 } }],
    ['standardize', { standardize: false }],
    ['learningRate', { learningRate: 0.2 }],
    ['epochs', { epochs: 2 }],
    ['batchSize', { batchSize: 63 }],
    ['outOfVocabulary', { outOfVocabulary: { older, share: 0.3 } }],
    ['training hashes', { hashing: trainedByOneRow }],
    ['hashing', { hashing: modulo }],
  ])('%s reaches the model', async (_, options) => {
    expect((await answers(options)).logits).not.toEqual((await answers({})).logits);
  });

  it('names the rates that diverged, and drops them', async () => {
    const options = {
      embeddingOptimizer: { kind: 'sgd' as const },
      learningRate: [1e6, 0.3, 9e5],
      validation: validation!,
    };
    expect((await answers(options)).fit).toEqual({ learningRate: 0.3, epochs: 1, batchSize: 64, diverged: [1e6, 9e5] });
    const teacher = await trainTeacher(past!, { ...usual, ...options });
    expect(teacher.fit!.diverged).toEqual([1e6, 9e5]);
    expect((await answers({})).fit).not.toHaveProperty('diverged');
  });

  it('standardises dense columns by its own rows, for good: a column of another unit is the same column', async () => {
    const inUnits = (scale: number, offset: number) => {
      const change = (split: SplitArrays) => ({ ...split, dense: split.dense!.map((x) => scale * x + offset) });
      return tinyData(Object.fromEntries(Object.keys(tinyArrays.splits).map((name) => [name, change])));
    };
    const logits = async (of: Dataset) => {
      using student = await trainStudent(of.split('student'), { ...usual, dim: 4 });
      const folder = await mkdtemp(join(tmpdir(), 'units-'));
      try {
        await student.save(folder);
        using again = await Student.load(folder);
        const found = await student.predict(of.split('evaluation'));
        expect(await again.predict(of.split('evaluation'))).toEqual(found);
        return found;
      } finally {
        await rm(folder, { recursive: true });
      }
    };
    const expected = await logits(data);
    for (const [scale, offset] of [
      [1024, 0],
      [1e-20, 0],
      [1e36, 0],
      [100, 1e4],
    ] as const) {
      const found = await logits(inUnits(scale, offset));
      const furthest = found.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0);
      expect(furthest).toBeLessThan(0.01);
    }
  });

  it('learns from the labels of its split, from their rate on', async () => {
    const turned = await answers({}, tinyData({ student: flipped }));
    expect(turned.logits).not.toEqual((await answers({})).logits);
    const few = tinyData({ student: (rows) => takeRows(rows, (row) => rows.labels[row] === 1 || row % 4 === 0) });
    for (const split of [past!, present!, few.split('student')]) {
      using model = buildRecommender(split, undefined, 4, usual, 0.3);
      const rate = split.labels.filter((label) => label === 1).length / split.rows;
      const bias = model.net.parameters()[model.net.tensors().at(-1)!.start]!;
      expect(bias).toBeCloseTo(Math.log(rate / (1 - rate)), 5);
    }
  });

  it('does not train the validation rows', async () => {
    const only = { learningRate: [0.3], epochs: 1 };
    const without = await answers({ ...only, learningRate: 0.3 });
    for (const change of [flipped, replaced]) {
      const rows = tinyData({ validation: change }).split('validation');
      expect(await answers({ ...only, validation: rows })).toEqual(without);
    }
  });

  it('is trained with the rate and the epochs that validation likes best', async () => {
    const given = { learningRate: [0.02, 0.3], epochs: 2 };
    const tried: { loss: number; found: object }[] = [];
    for (const learningRate of given.learningRate) {
      for (const epochs of [1, 2]) {
        using student = await trainStudent(present!, { ...usual, dim: 4, learningRate, epochs });
        const found = { fit: student.fit, logits: await student.predict(data.split('evaluation')) };
        tried.push({ loss: (await student.evaluate(validation!)).logLoss, found });
      }
    }
    const [best] = tried.toSorted((a, b) => a.loss - b.loss);
    expect(await answers({ ...given, validation: validation! })).toEqual(best!.found);
    // With every label turned round, what has learned least is best.
    const turned = tinyData({ validation: flipped }).split('validation');
    expect(await answers({ ...given, validation: turned })).toEqual(tried[0]!.found);
  });
});

describe('trainTeacher', () => {
  const teach = (options: TeacherOptions = {}, of = data) =>
    trainTeacher(of.split('teacher'), { ...usual, ...options });

  it('is a narrow student with whole tables', async () => {
    for (const dim of [2, 3]) {
      const { model } = await fitFixed(past!, (rate) => buildRecommender(past!, undefined, dim, usual, rate), {
        ...usual,
        epochs: 2,
      });
      using owned = model;
      const teacher = await teach({ dim, epochs: 2 });
      for (const { name, rows } of teacher.features) expect(rows).toEqual(owned.tables.weights(name));
    }
    expect((await teach()).features).toEqual((await teach({ dim: 2, epochs: 1, seed: 1 })).features);
    expect((await teach({ seed: 2 })).features[0]!.rows).not.toEqual((await teach()).features[0]!.rows);
  });

  it('tuned, is the teacher of its choice', async () => {
    const tuned = await teach({ learningRate: [0.02, 0.3], epochs: 2, validation: validation! });
    const { learningRate, epochs } = tuned.fit!;
    const fixed = await teach({ learningRate, epochs });
    expect(tuned.fit).toEqual(fixed.fit);
    for (const [f, { rows, counts }] of tuned.features.entries()) {
      expect(rows).toEqual(fixed.features[f]!.rows);
      expect(counts).toEqual(fixed.features[f]!.counts);
    }
  });

  it('measures its sensitivity on the validation rows, which it was not trained on, or else on its own', async () => {
    const { model } = await fitFixed(past!, (rate) => buildRecommender(past!, undefined, 2, usual, rate), usual);
    using owned = model;
    const sensitivities = async (options: TeacherOptions) =>
      (await teach(options)).features.map(({ sensitivity }) => sensitivity);
    expect(await sensitivities({})).toEqual(await measureSensitivity(owned, past!));
    expect(await sensitivities({ validation: validation! })).toEqual(await measureSensitivity(owned, validation!));
    expect(await sensitivities({ validation: validation! })).not.toEqual(await sensitivities({}));
  });
});

describe('trainCrossTeachers', () => {
  const half = (k: 0 | 1) =>
    tinyData({
      student: (rows) => ({ ...rows, labels: rows.labels.map((label, row) => (row % 2 === k ? 1 - label : label)) }),
    });
  const rowsOf = async (of: Dataset, seed = 1) => {
    const { whole, halves } = await trainCrossTeachers(of.split('teacher'), of.split('student'), { ...usual, seed });
    return [whole, ...halves].map(({ features }) => features.map(({ rows }) => rows));
  };

  it('the k-th half never sees a label of the rows whose number is k modulo 2', async () => {
    const before = await rowsOf(data);
    for (const k of [0, 1] as const) {
      const after = await rowsOf(half(k));
      for (const [which, rows] of after.entries()) {
        if (which === 1 + k) expect(rows).toEqual(before[which]);
        else expect(rows).not.toEqual(before[which]);
      }
    }
  });

  it('take the batch size and the dense rate of the present', async () => {
    const { data: large } = syntheticDataset({ rows: 130_000, cardinalities: [50], seed: 2 });
    const newer = large.split('student');
    const few = datasetFromArrays({
      features: [...large.features],
      dense: [...large.dense],
      splits: { teacher: takeRows(arraysOf(large, 'teacher'), (row) => row < 200) },
    }).split('teacher');
    const options = { bottomHidden: [4], topHidden: [4], learningRate: 0.3 };
    const { whole } = await trainCrossTeachers(few, newer, options);
    // By hand: the teacher of the past, then the present with what suits it.
    const { model } = await fitFixed(few, (rate) => buildRecommender(few, undefined, 2, options, rate), options);
    using owned = model;
    const batchSize = defaultBatchSize(newer.rows);
    expect(batchSize).toBeGreaterThan(defaultBatchSize(few.rows));
    owned.net.setLearningRate(lambRate(newer.rows / batchSize));
    await trainEpoch(owned, newer, { batchSize, seed: epochSeed(1, 2) });
    expect(whole.features[0]!.rows).toEqual(owned.tables.weights(large.features[0]!.name));
  });

  it('are one epoch more, over the present, from where the past left off', async () => {
    for (const seed of [1, 2]) {
      const options = { ...usual, seed, epochs: 2, denseOptimizer: { kind: 'lamb' as const, learningRate: 0.005 } };
      const { whole, halves } = await trainCrossTeachers(past!, present!, options);
      for (const [teacher, half] of [[whole], [halves[0], 1], [halves[1], 0]] as const) {
        const { model } = await fitFixed(
          past!,
          (rate) => buildRecommender(past!, undefined, 2, options, rate),
          options,
        );
        using owned = model;
        await trainEpoch(owned, present!, { batchSize: 64, seed: epochSeed(seed, 3), half });
        for (const { name, rows } of teacher.features) expect(rows).toEqual(owned.tables.weights(name));
      }
    }
  });

  it('go on from the teacher of their seed', async () => {
    const { data: wide } = syntheticDataset({ rows: 2000, cardinalities: [900], zipf: 0.3, seed: 2 });
    const [older, newer] = [wide.split('teacher'), wide.split('student')];
    const teachers: Float32Array[] = [];
    for (const seed of [1, 2]) {
      const options = { ...usual, seed };
      const { whole } = await trainCrossTeachers(older, newer, options);
      const { rows } = (await trainTeacher(older, options)).features[0]!;
      // What the student's rows do not hold is where the past left it.
      newer.idCounts(0).forEach((count, id) => {
        if (count === 0) expect(whole.features[0]!.rows[2 * id]).toBe(rows[2 * id]);
      });
      teachers.push(whole.features[0]!.rows);
    }
    expect(teachers[0]).not.toEqual(teachers[1]);
  });
});

it('a learning rate that would have no effect is refused', async () => {
  const split = tinyData().split('student');
  const hashing = await baselineHashing(tinyData(), { method: 'full', size: 1 });
  const embeddingOptimizer = { kind: 'adam', learningRate: 0.1 } as const;
  const refused = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('the option learningRate beside it') };
  await expect(trainTeacher(split, { embeddingOptimizer })).rejects.toMatchObject(refused);
  await expect(trainStudent(split, { hashing, dim: 4, embeddingOptimizer })).rejects.toMatchObject(refused);
});
