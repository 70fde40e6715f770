import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../lib/compare/config.ts';
import type { Comparison, ComparisonResult } from '../../lib/compare/results.ts';
import { compare } from '../../lib/compare/run.ts';
import { datasetFromArrays, syntheticDataset } from '../../lib/data/index.ts';
import { Random } from '../../lib/data/random.ts';

const { data } = syntheticDataset({ rows: 12_000, cardinalities: [400, 100], zipf: 0.8, effect: 2, seed: 1 });
const plainConfig = {
  data: {
    source: 'synthetic',
    label: 'y',
    features: ['a', 'b'],
    dense: ['x'],
    splits: { teacher: 't', student: 's', evaluation: 'e' },
  },
};
const config = parseConfig({
  ...plainConfig,
  training: { outOfVocabularyShare: 0.1 },
  model: { dim: 4, bottom: [4, 4], top: [8, 1] },
  compare: {
    methods: ['full', 'modulo', 'frequent', 'equal-mass', 'learned', 'auto', 'kd-tree', 'exact', 'mixed'],
    sizes: [0.1, 0.3],
    minRows: 50,
    seeds: 2,
    hotShare: [0.5, 1],
    unseen: 'dealt',
    tune: { learningRate: [0.05, 0.2], maxEpochs: 2 },
  },
});
/**
 * Two features whose teacher rows say: ids of the same twenty are alike. Of the second that stays true; in later rows the
 * ids of the first are alike that are equal modulo twenty, which is what hashing into twenty rows does.
 */
function misleading() {
  const random = new Random(7);
  const split = (rows: number, older: boolean) => {
    const ids = [0, 1].map(() => Uint32Array.from({ length: rows }, () => Math.floor(200 * random.uniform())));
    const [a, b] = ids as [Uint32Array, Uint32Array];
    const even = (n: number) => (Math.floor(n) % 2 === 0 ? 1 : -1);
    const labels = Float32Array.from(a, (id, row) => {
      const logit = 1.5 * even(older ? id / 20 : id % 20) + 1.5 * even(b[row]! / 20);
      return random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    });
    return { labels, features: [{ ids: a }, { ids: b }] };
  };
  return datasetFromArrays({
    features: [
      { name: 'a', cardinality: 200 },
      { name: 'b', cardinality: 200 },
    ],
    splits: {
      teacher: split(6000, true),
      student: split(6000, false),
      validation: split(2000, false),
      evaluation: split(2000, false),
    },
  });
}

const quality = ({ seconds: _, ...rest }: ComparisonResult) => rest;

describe('compare', () => {
  it('runs every method at every size with every seed, and says what it cost', async () => {
    const { results, data: about } = await compare(config, data);
    expect(results.length).toBe(2 * (1 + 8 * 2));
    const rate = about.splits.find((split) => split.name === 'evaluation')!.labelRate;
    const entropy = -rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate);
    const full = results.find((r) => r.method === 'full')!;
    expect(full.bytes.mapping).toBe(0);
    for (const result of results) {
      expect(result.bytes.total).toBe(result.bytes.rows + result.bytes.mapping);
      expect(result.bytes.rows).toBe(result.rows * config.model.dim * 4);
      const likewise = results.find((r) => r.size === result.size && (r.method === 'modulo' || r.method === 'full'))!;
      expect(result.rows).toBe(likewise.rows); // whatever they are put together of
      expect(config.compare.tune.learningRate).toContain(result.learningRate);
      expect(result.auc).toBeGreaterThan(0.5);
      expect(result.normalizedEntropy).toBeCloseTo(result.logLoss / entropy, 10);
      const hot = ['frequent', 'auto'].includes(result.method);
      expect(config.compare.hotShare.includes(result.hotShare!)).toBe(hot);
      expect(result.crossFit !== undefined).toBe(result.method === 'auto');
      expect(config.compare.parts.includes(result.parts!)).toBe(result.method === 'auto');
      const learned = result.method.startsWith('learned') || (result.method === 'auto' && result.hashed === undefined);
      if (learned) expect(result.bytes.mapping).toBeGreaterThan(0);
    }
    expect(about.features.map((f) => f.compressed)).toEqual([true, true]);
    // The first seed's choice holds for the others.
    const choice = ({ learningRate, epochs, hotShare, crossFit, parts, hashed }: ComparisonResult) => ({
      ...{ learningRate, epochs, hotShare, crossFit, parts, hashed },
    });
    for (const result of results) {
      const { method, size } = result;
      expect(choice(result)).toEqual(choice(results.find((r) => r.method === method && r.size === size)!));
    }
  });

  it('hashes, for auto, the tables whose clusters do harm', async () => {
    const misled = parseConfig({
      data: { ...plainConfig.data, dense: [] },
      teacher: { crossFit: false },
      model: { dim: 4, top: [8, 1] },
      compare: {
        methods: ['modulo', 'auto'],
        sizes: [0.1],
        minRows: 50,
        seeds: 2,
        hotShare: 0,
        tune: { learningRate: [0.2], maxEpochs: 2 },
      },
    });
    const { results } = await compare(misled, misleading());
    const [auto, modulo] = ['auto', 'modulo'].map((method) => results.filter((r) => r.method === method));
    expect(auto!.map(({ hashed }) => hashed)).toEqual([['a'], ['a']]);
    for (const [k, { bytes, auc }] of auto!.entries()) {
      expect(bytes.mapping).toBeGreaterThan(modulo![k]!.bytes.mapping);
      expect(auc).toBeGreaterThan(modulo![k]!.auc);
    }
  });

  it('is deterministic, and goes on where an interrupted run stopped', async () => {
    const controller = new AbortController();
    let soFar: Comparison | undefined;
    const interrupted = compare(config, data, {
      signal: controller.signal,
      onResult: (comparison) => {
        soFar = comparison;
        if (comparison.results.length === 6) controller.abort();
      },
    });
    await expect(interrupted).rejects.toMatchObject({ code: 'ABORTED' });
    expect(soFar!.results.length).toBe(6);
    const steps: string[] = [];
    const resumed = await compare(config, data, { resume: soFar, onProgress: ({ step }) => steps.push(step) });
    const whole = await compare(config, data);
    expect(resumed.results.map(quality)).toEqual(whole.results.map(quality));
    expect(steps.some((step) => step.startsWith('full, seed 1') || step.startsWith('modulo at 10 %, seed 1'))).toBe(
      false,
    );
  });

  it('keeps every earlier result when a resumed run is interrupted before its turn', async () => {
    const brief = { ...config, compare: { ...config.compare, methods: ['full' as const, 'modulo' as const] } };
    const whole = await compare(brief, data);
    // What is missing: the first, one in between and the last. What is known comes in another order.
    const missing = [0, 3, whole.results.length - 1];
    const earlier = whole.results.filter((_, k) => !missing.includes(k)).reverse();
    const controller = new AbortController();
    let written: ComparisonResult[] = [];
    const resumed = compare(brief, data, {
      resume: { ...whole, results: earlier },
      signal: controller.signal,
      onResult: ({ results }) => {
        written = results;
        controller.abort();
      },
    });
    await expect(resumed).rejects.toMatchObject({ code: 'ABORTED' });
    const expected = whole.results.filter((_, k) => k === 0 || !missing.includes(k));
    expect(written.map(quality)).toEqual(expected.map(quality));
    for (const result of earlier) expect(written).toContainEqual(result);
  });
});
