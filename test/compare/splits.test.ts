/** What a comparison may not depend on, seen by replacing it: a result is what its splits and its seed make of it. */
import { describe, expect, it } from 'vitest';
import type { ComparisonResult } from '../../lib/compare/results.ts';
import { compare } from '../../lib/compare/run.ts';
import { type Dataset, type SplitArrays, shuffled } from '../../lib/data/index.ts';
import { flipped, quality, replaced, takeRows, tinyConfig, tinyData } from '../pipeline/tiny.ts';

const untaught: string[] = ['full', 'modulo', 'mixed', 'frequent'];
const taught: string[] = ['equal-mass', 'learned', 'auto', 'kd-tree', 'exact', 'k-means', 'lsh'];
const methods = [...untaught, ...taught];
const config = tinyConfig({ compare: { methods } });
const crossed = tinyConfig({
  teacher: { crossFit: true },
  training: { outOfVocabularyShare: 0.2 },
  compare: { methods: ['full', 'modulo', 'frequent', 'auto'], unseen: 'out-of-vocabulary' },
});

const run = async (data: Dataset, of = config) => (await compare(of, data)).results.map(quality);
type Result = Omit<ComparisonResult, 'seconds'>;
const made = ({ auc, logLoss, normalizedEntropy, ...rest }: Result) => rest;
const permuted = (split: SplitArrays) => takeRows(split, shuffled(split.labels.length, 5));
const by = (results: readonly Result[], names: readonly string[]) =>
  results.filter(({ method }) => names.includes(method));

const results = await run(tinyData());
const crossedResults = await run(tinyData(), crossed);

describe('the evaluation split', () => {
  it.each([
    ['every method', config, results],
    ['cross-fitted, with out-of-vocabulary rows', crossed, crossedResults],
  ])('its labels turned round change what is found, and nothing that is made: %s', async (_, of, before) => {
    const after = await run(tinyData({ evaluation: flipped }), of);
    expect(after.map(made)).toEqual(before.map(made));
    // The same models: what came before now comes behind, in every pair.
    for (const [k, { auc }] of after.entries()) expect(auc).toBeCloseTo(1 - before[k]!.auc, 12);
  });

  it('other rows change nothing that is made', async () => {
    expect((await run(tinyData({ evaluation: replaced }))).map(made)).toEqual(results.map(made));
  });

  it('in another order gives the same figures', async () => {
    for (const [k, { auc, logLoss, ...rest }] of (await run(tinyData({ evaluation: permuted }))).entries()) {
      expect(made({ auc, logLoss, ...rest })).toEqual(made(results[k]!));
      expect(auc).toBe(results[k]!.auc);
      expect(logLoss).toBeCloseTo(results[k]!.logLoss, 12);
    }
  });
});

describe('the validation split', () => {
  it('chooses: with its labels turned round every method takes what has learned least', async () => {
    const after = await run(tinyData({ validation: flipped }));
    for (const [k, result] of after.entries()) {
      expect(results[k]!.learningRate).toBe(0.3);
      expect(result.learningRate).toBe(0.02);
    }
    const shape = ({ hotShare, parts, hashed }: Result) => ({ hotShare, parts, hashed });
    const [before, turned] = [results, after].map((list) => by(list, ['auto'])[0]!);
    expect(shape(turned!)).not.toEqual(shape(before!));
  });

  it('trains nothing: in another order it makes the same models', async () => {
    expect(await run(tinyData({ validation: permuted }))).toEqual(results);
    expect(await run(tinyData({ validation: permuted }), crossed)).toEqual(crossedResults);
  });
});

describe('the teacher split', () => {
  it('is nothing to methods without a teacher, and something to each that has one', async () => {
    const after = await run(tinyData({ teacher: replaced }));
    expect(by(after, untaught)).toEqual(by(results, untaught));
    const learned = by(results, taught);
    for (const [k, { auc, logLoss }] of by(after, taught).entries()) {
      expect([auc, logLoss]).not.toEqual([learned[k]!.auc, learned[k]!.logLoss]);
    }
  });

  it('says by its ids which ids are new; its labels are nothing to methods without a teacher', async () => {
    const labels = await run(tinyData({ teacher: flipped }), crossed);
    expect(by(labels, untaught)).toEqual(by(crossedResults, untaught));
    const ids = await run(tinyData({ teacher: replaced }), crossed);
    for (const [k, result] of by(ids, untaught).entries()) expect(result).not.toEqual(by(crossedResults, untaught)[k]);
  });
});

describe('the student split', () => {
  it('trains every student', async () => {
    for (const [k, result] of (await run(tinyData({ student: flipped }))).entries()) {
      expect(result.auc).toBeLessThan(0.5);
      expect(results[k]!.auc).toBeGreaterThan(0.5);
    }
  });
});

describe('methods, sizes and seeds', () => {
  const two = { methods: ['modulo', 'learned', 'frequent'] as string[], sizes: [0.3, 0.5], seeds: 3 };
  const sorted = (list: readonly Result[]) =>
    list.toSorted((a, b) => a.method.localeCompare(b.method) || a.size - b.size || a.seed - b.seed);

  it('a method, a size or a seed alone gives what it gives among others, in any order', async () => {
    const whole = await run(tinyData(), tinyConfig({ compare: two }));
    expect(whole.length).toBe(3 * 2 * 3);
    const turned = { methods: two.methods.toReversed(), sizes: [0.5, 0.3] };
    expect(sorted(await run(tinyData(), tinyConfig({ compare: { ...two, ...turned } })))).toEqual(sorted(whole));
    for (const method of two.methods) {
      const alone = await run(tinyData(), tinyConfig({ compare: { ...two, methods: [method], sizes: [0.5] } }));
      expect(alone).toEqual(whole.filter((result) => result.method === method && result.size === 0.5));
    }
    const first = await run(tinyData(), tinyConfig({ compare: { ...two, seeds: 1 } }));
    expect(first).toEqual(whole.filter(({ seed }) => seed === 1));
  });

  it('every seed gives every method another model', () => {
    for (const method of methods) {
      const own = by(results, [method]);
      expect(new Set(own.map(({ logLoss }) => logLoss)).size).toBe(own.length);
    }
  });

  it('results do not depend on the number of threads', async () => {
    for (const threads of [1, 3])
      expect(await run(tinyData(), { ...config, training: { ...config.training, threads } })).toEqual(results);
  });
});
