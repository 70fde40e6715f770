import { describe, expect, it } from 'vitest';
import { datasetFromArrays, type Split, syntheticDataset } from '../../lib/data/index.ts';
import type { ModelBatch } from '../../lib/model/batch.ts';
import { lambRate } from '../../lib/model/optimizers/lamb.ts';
import { Recommender } from '../../lib/model/recommender.ts';
import { defaultBatchSize, evaluateSplit, predictSplit, trainEpoch } from '../../lib/training/train.ts';
import { epochSeed, tune } from '../../lib/training/tune.ts';

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

  it("the paper's rate for 4,096 steps, less above, more below, never above 0.01", () => {
    expect(lambRate(4096)).toBe(0.002);
    expect(lambRate(65_536)).toBeCloseTo(0.0005, 12);
    expect(lambRate(1024)).toBeCloseTo(0.004, 12);
    expect(lambRate(10)).toBe(0.01);
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
      patience: 1,
      batchSize: 64,
      seed: 1,
      build: (rate) => build(rate, rate > 1 ? 'sgd' : 'rowwise-adagrad'),
      onBest: async (model) => {
        seen.push((await evaluateSplit(model, validation)).logLoss);
        return seen.at(-1);
      },
    });
    expect(tuned.learningRate).toBe(0.1);
    expect(tuned.diverged).toEqual([1e6]);
    expect(tuned.result).toBe(Math.min(...seen));
    expect(tuned.validation.logLoss).toBe(tuned.result);
  });

  it('says so when every rate diverges', async () => {
    const all = tune({
      train: student,
      validation,
      learningRates: [1e6],
      maxEpochs: 1,
      patience: 1,
      batchSize: 64,
      seed: 1,
      build: (rate) => build(rate, 'sgd'),
      onBest: () => undefined,
    });
    await expect(all).rejects.toMatchObject({ code: 'DIVERGED' });
  });
});

describe('the loss of an epoch', () => {
  /** A net whose every logit is `size` against the label, or for it, where `right` says so. */
  const wrongBy = (size: number, right: (row: number) => boolean = () => false) => {
    let first = 0;
    return Object.assign(Object.create(Recommender.prototype, { folds: { value: 1 } }) as Recommender, {
      start: (batch: ModelBatch) => {
        const losses = Array.from(batch.labels, (_, r) => Math.log1p(Math.exp(right(first + r) ? -size : size)));
        first += batch.size;
        return () => losses.reduce((sum, loss) => sum + loss, 0) / batch.size;
      },
    });
  };
  const ofLabels = (labels: Float32Array) =>
    datasetFromArrays({
      features: [{ name: 'a', cardinality: 2, list: false, outOfVocabulary: null }],
      splits: { teacher: { labels, features: [{ ids: new Uint32Array(labels.length) }] } },
    }).split('teacher');
  const half = Float32Array.from({ length: 1000 }, (_, row) => row % 2);
  const epoch = (model: Recommender, split: Split, batchSize = 64) => trainEpoch(model, split, { batchSize, seed: 1 });

  it('above 1.5 times the entropy of the labels is a divergence', async () => {
    const split = ofLabels(half);
    for (const batchSize of [1, 64, 1000]) {
      const all = epoch(wrongBy(1.3), split, batchSize); // a loss of 1.54 against 1.04
      await expect(all).rejects.toMatchObject({ code: 'DIVERGED', message: expect.stringMatching(/1\.5 times/) });
      expect(await epoch(wrongBy(0.5), split, batchSize)).toBeCloseTo(Math.log1p(Math.exp(0.5)), 6); // 0.97
    }
  });

  it('forgives what happened in the first half', async () => {
    const split = ofLabels(half);
    expect(
      await epoch(
        wrongBy(50, (row) => row >= 400),
        split,
        50,
      ),
    ).toBeCloseTo(20, 1);
    await expect(
      epoch(
        wrongBy(50, (row) => row < 600),
        split,
        50,
      ),
    ).rejects.toMatchObject({ code: 'DIVERGED' });
  });

  it('is not judged with fewer than 100 labels of a kind in that half', async () => {
    const rare = (positives: number) =>
      ofLabels(Float32Array.from({ length: 4000 }, (_, row) => Number(row % Math.floor(4000 / positives) === 0)));
    expect(await epoch(wrongBy(5), rare(100))).toBeCloseTo(5, 1);
    await expect(epoch(wrongBy(5), rare(400))).rejects.toMatchObject({ code: 'DIVERGED' });
    expect(await epoch(wrongBy(5), ofLabels(new Float32Array(1000)))).toBeCloseTo(5, 1);
  });
});

describe('patience', () => {
  it('is the number of epochs without an improvement after which a rate is given up', async () => {
    // Overfits: from some epoch on the loss rises.
    const run = async (patience: number) => {
      const seen: number[] = [];
      let trained = 0;
      const tuned = await tune({
        train: student,
        validation,
        learningRates: [0.5],
        maxEpochs: 12,
        patience,
        batchSize: 64,
        seed: 1,
        build: (rate) => build(rate),
        onBest: (model) => seen.push(model.tables.steps),
        onProgress: ({ step }) => {
          trained = Math.max(trained, Number(/epoch (\d+)/.exec(step)![1]));
        },
      });
      return { ...tuned, seen, trained };
    };
    const losses: number[] = [];
    using model = build(0.5);
    for (let epoch = 1; epoch <= 12; epoch++) {
      await trainEpoch(model, student, { batchSize: 64, seed: epochSeed(1, epoch) });
      losses.push((await evaluateSplit(model, validation)).logLoss);
    }
    for (const patience of [1, 2, 3, 20]) {
      let [best, at] = [0, 1];
      while (at < 12 && at - best - 1 < patience) {
        if (losses[at]! < losses[best]!) best = at;
        at++;
      }
      const { epochs, validation: found } = await run(patience);
      expect([epochs, found.logLoss]).toEqual([best + 1, losses[best]]);
    }
  });
});
