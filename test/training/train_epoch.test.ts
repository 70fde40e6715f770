/** An epoch is every row once, in the order of its seed, in batches of its size: the same steps made one by one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Split, shuffled } from '../../lib/data/index.ts';
import type { HashFunction } from '../../lib/hashing/index.ts';
import { Recommender } from '../../lib/model/recommender.ts';
import { replaceNewIds } from '../../lib/training/out_of_vocabulary.ts';
import { type EpochOptions, evaluateSplit, predictSplit, trainEpoch } from '../../lib/training/train.ts';
import { takeRows, tinyArrays, tinyData } from '../pipeline/tiny.ts';

const data = tinyData();
const student = data.split('student');

/** Two folds, in which every id trains the row of a neighbour, another in each. */
const folds = data.features.map(({ cardinality }) =>
  [1, 2].map((step): HashFunction[] => [
    {
      kind: 'table',
      rows: cardinality,
      entries: Uint32Array.from({ length: cardinality }, (_, id) => (id + step) % cardinality),
    },
  ]),
);

const build = (inFolds = false) =>
  new Recommender({
    features: data.features.map(({ name, cardinality }, f) => ({
      ...{ name, cardinality },
      trainingHashes: inFolds ? folds[f] : undefined,
    })),
    dense: 1,
    dim: 2,
    bottomHidden: [],
    topHidden: [3],
    embeddingOptimizer: { kind: 'rowwise-adagrad', learningRate: 0.1 },
    denseOptimizer: { kind: 'adagrad', learningRate: 0.05 },
  });

/** What a split holds of some rows, put together row by row. */
function batchOf(split: Split, rows: Uint32Array) {
  const ids = split.features.flatMap((_, f) => Array.from(rows, (row) => split.ids(f).ids[row]!));
  return {
    size: rows.length,
    indices: Uint32Array.from(ids),
    offsets: Uint32Array.from({ length: ids.length + 1 }, (_, k) => k),
    dense: Float32Array.from(rows, (row) => split.dense[row]!),
    labels: Float32Array.from(rows, (row) => split.labels[row]!),
  };
}

function epochByHand(model: Recommender, split: Split, options: EpochOptions): number {
  const { batchSize, seed, half, outOfVocabulary } = options;
  const order = shuffled(split.rows, seed).filter((row) => half === undefined || row % 2 === half);
  const replace = outOfVocabulary && replaceNewIds(outOfVocabulary.older, outOfVocabulary.share, seed);
  let loss = 0;
  // Batches of the folds take turns.
  const inFolds = Array.from({ length: model.folds }, (_, fold) => order.filter((row) => row % model.folds === fold));
  for (let start = 0; start < order.length; start += batchSize) {
    for (const [fold, ordered] of inFolds.entries()) {
      const rows = ordered.slice(start, start + batchSize);
      if (rows.length === 0) continue;
      const batch = batchOf(split, rows);
      replace?.(batch);
      loss += rows.length * model.step({ ...batch, fold });
    }
  }
  return loss / order.length;
}

const bits = (model: Recommender) => [
  model.net.parameters(),
  ...data.features.map(({ name }) => model.tables.weights(name)),
];

type Kind = Pick<EpochOptions, 'half' | 'outOfVocabulary'> & { inFolds?: boolean };

describe('trainEpoch', () => {
  it('steps once over every row, in the order of its seed, the last batch too', async () => {
    const outOfVocabulary = { older: data.split('teacher'), share: 0.3 };
    const kinds = [{}, { half: 0 }, { half: 1, outOfVocabulary }, { inFolds: true, outOfVocabulary }] as const;
    const given = fc.record({ batchSize: fc.integer({ min: 20, max: 400 }), seed: fc.nat() });
    await fc.assert(
      fc.asyncProperty(given, async ({ batchSize, seed }) => {
        for (const { inFolds = false, ...kind } of kinds as readonly Kind[]) {
          using model = build(inFolds);
          using byHand = build(inFolds);
          for (const epoch of [0, 1]) {
            const options = { ...kind, batchSize, seed: seed + epoch };
            const loss = await trainEpoch(model, student, options);
            expect(loss).toBeCloseTo(epochByHand(byHand, student, options), 12);
          }
          expect(bits(model)).toEqual(bits(byHand));
        }
      }),
      { numRuns: 5 },
    );
  });
});

describe('predictSplit and evaluateSplit', () => {
  it('go over any number of rows', async () => {
    using model = build();
    await trainEpoch(model, student, { batchSize: 50, seed: 1 });
    const once = await predictSplit(model, student);
    const rows = Uint32Array.from({ length: 9001 }, (_, k) => k % student.rows);
    const many = tinyData({ student: (split) => takeRows(split, rows) }).split('student');
    expect(await predictSplit(model, many)).toEqual(Float32Array.from(rows, (row) => once[row]!));
  });

  it('are of the rows asked for and leave the model as it is', async () => {
    using model = build();
    await trainEpoch(model, student, { batchSize: 50, seed: 1 });
    const before = bits(model);
    const split = data.split('evaluation');
    const logits = await predictSplit(model, split);
    const one = new Float32Array(1);
    const byHand = Float32Array.from({ length: split.rows }, (_, row) => {
      model.predict(batchOf(split, Uint32Array.of(row)), one);
      return one[0]!;
    });
    expect(logits).toEqual(byHand);
    const metrics = await evaluateSplit(model, split);
    const loss = (logit: number, label: number) => Math.log1p(Math.exp(label === 1 ? -logit : logit));
    const losses = Array.from(logits, (logit, row) => loss(logit, tinyArrays.splits.evaluation!.labels[row]!));
    expect(metrics.logLoss).toBeCloseTo(losses.reduce((sum, value) => sum + value, 0) / split.rows, 6);
    let [won, pairs] = [0, 0];
    for (const [a, above] of logits.entries()) {
      for (const [b, below] of logits.entries()) {
        if (split.labels[a] !== 1 || split.labels[b] !== 0) continue;
        pairs++;
        won += above > below ? 1 : above === below ? 0.5 : 0;
      }
    }
    expect(metrics.auc).toBeCloseTo(won / pairs, 12);
    expect(bits(model)).toEqual(before);
  });
});
