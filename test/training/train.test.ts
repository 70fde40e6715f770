import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../lib/data/index.ts';
import { Recommender } from '../../lib/model/recommender.ts';
import {
  defaultBatchSize,
  defaultDenseRate,
  evaluateSplit,
  predictSplit,
  trainEpoch,
} from '../../lib/training/train.ts';
import { tune } from '../../lib/training/tune.ts';

const { data } = syntheticDataset({ rows: 6000, cardinalities: [300, 50], zipf: 0.5, effect: 1.5, seed: 2 });
const student = data.split('student');
const validation = data.split('validation');

function build(learningRate: number, kind: 'sgd' | 'rowwise-adagrad' = 'rowwise-adagrad'): Recommender {
  return new Recommender({
    features: data.features.map(({ name, cardinality }) => ({ name, cardinality })),
    dense: 1,
    dim: 4,
    bottomHidden: [4],
    topHidden: [8],
    embeddingOptimizer: { kind, learningRate },
    denseOptimizer: { kind: 'lamb', learningRate: 0.01 },
  });
}

describe('defaults for small data', () => {
  it('about 1,024 batches an epoch, a power of two within its bounds', () => {
    expect([10, 32_768, 100_000, 1_000_000, 1e9].map(defaultBatchSize)).toEqual([32, 32, 128, 1024, 32_768]);
  });

  it("the paper's rate from 4,096 steps on, more below, never above 0.01", () => {
    expect(defaultDenseRate(4096)).toBe(0.002);
    expect(defaultDenseRate(1e6)).toBe(0.002);
    expect(defaultDenseRate(1024)).toBeCloseTo(0.004, 12);
    expect(defaultDenseRate(10)).toBe(0.01);
  });
});

describe('trainEpoch and evaluateSplit', () => {
  it('the loss falls, and the same seed gives the same bits', async () => {
    const losses: number[][] = [];
    for (let run = 0; run < 2; run++) {
      using model = build(0.1);
      const options = { batchSize: 64, seed: 7 };
      const epochs = [await trainEpoch(model, student, options), await trainEpoch(model, student, options)];
      losses.push([...epochs, (await evaluateSplit(model, validation)).logLoss]);
    }
    expect(losses[0]![1]).toBeLessThan(losses[0]![0]! - 0.02);
    expect(losses[1]).toEqual(losses[0]);
  });

  it('predicts rows in their order, whatever the batches', async () => {
    using model = build(0.1);
    await trainEpoch(model, student, { batchSize: 64, seed: 1 });
    const logits = await predictSplit(model, student);
    expect(logits.length).toBe(student.rows);
    const row = 1234;
    const one = new Float32Array(1);
    const indices = Uint32Array.from(data.features, (_, f) => student.ids(f).ids[row]!);
    const dense = student.dense.slice(row, row + 1);
    const labels = student.labels.slice(row, row + 1);
    model.predict({ size: 1, indices, offsets: Uint32Array.of(0, 1, 2), dense, labels }, one);
    expect(one[0]).toBe(logits[row]);
  });

  it('starts from the base rate', async () => {
    using model = new Recommender({
      features: [{ name: 'a', cardinality: 3 }],
      dense: 0,
      dim: 2,
      topHidden: [],
      baseRate: 0.2,
      init: { kind: 'uniform', scale: 0 },
    });
    const parameters = model.net.parameters();
    expect(parameters.at(-1)).toBeCloseTo(Math.log(0.25), 6);
  });
});

describe('tune', () => {
  it('leaves out a rate that diverges and keeps the best of the others', async () => {
    const seen: number[] = [];
    const tuned = await tune({
      train: student,
      validation,
      learningRates: [1e6, 1e-9, 0.1],
      maxEpochs: 2,
      batchSize: 64,
      seed: 1,
      build: (rate) => build(rate, rate > 1 ? 'sgd' : 'rowwise-adagrad'),
      onBest: async (model) => {
        seen.push((await evaluateSplit(model, validation)).logLoss);
        return seen.at(-1);
      },
    });
    expect(tuned.learningRate).toBe(0.1);
    expect(tuned.result).toBe(Math.min(...seen));
    expect(tuned.validation.logLoss).toBe(tuned.result);
  });

  it('says so when every rate diverges', async () => {
    const all = tune({
      train: student,
      validation,
      learningRates: [1e6],
      maxEpochs: 1,
      batchSize: 64,
      seed: 1,
      build: (rate) => build(rate, 'sgd'),
      onBest: () => undefined,
    });
    await expect(all).rejects.toMatchObject({ code: 'DIVERGED' });
  });
});
