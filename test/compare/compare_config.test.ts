/** Every option of a config reaches the work: changed alone, it changes results. None is accepted and then forgotten. */
import { describe, expect, it } from 'vitest';
import { compare } from '../../lib/compare/run.ts';
import { quality, type Sections, tinyConfig, tinyData } from '../pipeline/tiny.ts';

const data = tinyData();
/** Rates so low that every epoch helps, and is taken. */
const usual = {
  teacher: { crossFit: true, learningRate: 0.02 },
  training: { outOfVocabularyShare: 0.2 },
  compare: { methods: ['modulo', 'frequent', 'auto'], unseen: 'out-of-vocabulary', tune: { learningRate: [0.02] } },
} satisfies Sections;

/** The results of the usual config with sections laid over it, by method; sections replace one another key by key. */
async function run({ teacher, training, compare: compared, ...rest }: Sections = {}) {
  const config = tinyConfig({
    teacher: { ...usual.teacher, ...teacher },
    training: { ...usual.training, ...training },
    compare: { ...usual.compare, ...compared, tune: { ...usual.compare.tune, ...compared?.tune } },
    ...rest,
  });
  return (await compare(config, data)).results.map(quality);
}
const expected = await run();

const model: Sections[] = [
  { model: { dim: 8, bottom: [8] } },
  { model: { bottom: [6, 4] } },
  { model: { top: [5, 1] } },
  { training: { batchSize: 61 } },
  ...[
    { kind: 'adagrad' as const },
    { kind: 'adam' as const },
    { epsilon: 0.1 },
    { weightDecay: 0.1 },
    { clipRowNorm: 0.001 },
  ].map((embeddingOptimizer) => ({ training: { embeddingOptimizer } })),
  ...[
    { kind: 'sgd' as const, learningRate: 0.1 },
    { learningRate: 0.003 },
    { beta1: 0.5 },
    { beta2: 0.9 },
    { epsilon: 0.01 },
    { weightDecay: 0.5 },
  ].map((denseOptimizer) => ({ training: { denseOptimizer } })),
  { compare: { tune: { learningRate: [0.1] } } },
  { compare: { tune: { maxEpochs: 1 } } },
  { training: { outOfVocabularyShare: 0.6 } },
];
const teacher: Sections[] = [
  { teacher: { dim: 4 } },
  { teacher: { learningRate: 0.05 } },
  { teacher: { maxEpochs: 1 } },
  { teacher: { crossFit: false } },
];
const tables: Sections[] = [
  { compare: { hotShare: 0.25 } },
  { compare: { unseen: 'shared' } },
  { compare: { unseen: 'dealt' } },
  { compare: { parts: 2 } },
];

describe('an option of the config', () => {
  it.each(model)('%j changes every result', async (sections) => {
    const results = await run(sections);
    for (const [k, { auc, logLoss }] of results.entries()) {
      expect([auc, logLoss]).not.toEqual([expected[k]!.auc, expected[k]!.logLoss]);
    }
  });

  it.each(teacher)('%j changes what is learned, and what needs no teacher stays', async (sections) => {
    for (const [k, result] of (await run(sections)).entries()) {
      if (result.method === 'auto') expect(result.logLoss).not.toBe(expected[k]!.logLoss);
      else expect(result).toEqual(expected[k]);
    }
  });

  it.each(tables)('%j changes the tables of auto', async (sections) => {
    for (const [k, result] of (await run(sections)).entries()) {
      if (result.method === 'auto') expect(result.logLoss).not.toBe(expected[k]!.logLoss);
      if (result.method === 'modulo') expect(result).toEqual(expected[k]);
    }
  });

  it('sizes and minRows are rows of tables', async () => {
    const rows = async (sections: Sections) => (await run(sections)).map((result) => [result.method, result.rows]);
    const of = (...sizes: number[]) =>
      data.features.map(({ cardinality }, f) => Math.ceil(cardinality * sizes[f]!)).reduce((sum, n) => sum + n);
    for (const [compared, wanted] of [
      [{ sizes: [0.2] }, of(0.2, 0.2)],
      [{ sizes: [0.2], minRows: 40 }, of(0.2, 1)],
      [{ sizes: [0.2], minRows: 1000 }, of(1, 1)],
    ] as const) {
      for (const [, found] of await rows({ compare: { ...compared, sizes: [...compared.sizes] } })) {
        expect(found).toBe(wanted);
      }
    }
  });
});
