import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComparisonResult } from '../../lib/compare/results.ts';
import {
  aggregate,
  bestOfSize,
  distinguishable,
  methodsOf,
  pairedDifference,
  sizesOf,
  spread,
} from '../../lib/compare/statistics.ts';
import { result, usualComparison } from '../report/comparison.ts';

describe('spread', () => {
  it('is the mean and the sample standard deviation', () => {
    expect(spread([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, sd: Math.sqrt(32 / 7), n: 8 });
    expect(spread([3])).toEqual({ mean: 3, sd: undefined, n: 1 });
    expect(spread([3, 3])).toEqual({ mean: 3, sd: 0, n: 2 });
    expect(spread([]).mean).toBeNaN();
  });

  it('moves with the values and scales with their distances', () => {
    const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(values, fc.integer({ min: -100, max: 100 }), (xs, shift) => {
        const [a, b] = [spread(xs), spread(xs.map((x) => 2 * x + shift))];
        expect(b.mean).toBeCloseTo(2 * a.mean + shift, 8);
        expect(b.sd).toBeCloseTo(2 * a.sd!, 8);
      }),
    );
  });
});

describe('aggregate', () => {
  it('refuses a result that is there twice: it would count as two seeds', () => {
    const { results } = usualComparison();
    expect(() => aggregate([...results, { ...results[1]!, auc: 0.9 }])).toThrowError(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: 'The results of aggregate: expected one result of modulo at size 0.05 with seed 1, received two',
      }),
    );
  });

  it('knows no share of a full table of no bytes', () => {
    const bytes = { rows: 0, mapping: 0, optimizer: 0, total: 0 };
    const groups = aggregate([result({ method: 'full', size: 1, bytes }), result()]);
    expect(groups.map(({ share }) => share)).toEqual([undefined, undefined]);
  });

  it('takes seeds together and keeps the order: full table, sizes ascending, methods as they were run', () => {
    const groups = aggregate(usualComparison().results);
    expect(groups.map((g) => [g.method, g.size, g.auc.n])).toEqual([
      ['full', 1, 3],
      ['modulo', 0.05, 3],
      ['frequent', 0.05, 3],
      ['learned', 0.05, 3],
      ['modulo', 0.1, 3],
      ['frequent', 0.1, 3],
      ['learned', 0.1, 3],
    ]);
  });

  it('does not depend on the order of seeds and sizes', () => {
    const { results } = usualComparison();
    const expected = aggregate(results);
    const bySize = [...results].sort((a, b) => b.size - a.size);
    expect(aggregate(bySize)).toEqual(expected);
  });

  it('averages figures, bytes and seconds, and lists what was tuned', () => {
    const seconds = { teacher: 1, cluster: 2, tune: 3, train: 4, evaluate: 5 };
    const bytes = { rows: 100, mapping: 20, optimizer: 10, total: 120 };
    const [group] = aggregate([
      result({ seed: 2, auc: 0.7, logLoss: 0.5, learningRate: 0.1, epochs: 3, rows: 10, bytes, seconds }),
      result({
        seed: 1,
        auc: 0.8,
        logLoss: 0.4,
        learningRate: 0.02,
        epochs: 3,
        rows: 20,
        bytes: { ...bytes, rows: 200, total: 220 },
        seconds,
      }),
    ]);
    expect(group).toMatchObject({
      seeds: [1, 2],
      learningRates: [0.02, 0.1],
      epochs: [3],
      rows: 15,
      bytes: { rows: 150, mapping: 20, optimizer: 10, total: 170 },
      seconds: { ...seconds, total: 15 },
      share: undefined,
    });
    expect(group!.auc.mean).toBeCloseTo(0.75, 12);
    expect(group!.auc.sd).toBeCloseTo(Math.sqrt(0.005), 12);
  });

  it('gives sizes as shares of the full table, mapping counted', () => {
    const groups = aggregate(usualComparison().results);
    const learned = groups.find((g) => g.method === 'learned' && g.size === 0.1)!;
    expect(learned.share).toBeCloseTo((64_000 + 9066) / 640_000, 12);
    expect(groups[0]!.share).toBe(1);
  });

  it('of nothing is nothing', () => {
    expect(aggregate([])).toEqual([]);
    expect(methodsOf([])).toEqual([]);
    expect(sizesOf([])).toEqual([]);
  });
});

describe('methodsOf and sizesOf', () => {
  it('put the full table first and leave its size out', () => {
    const results = [result({ method: 'b', size: 0.2 }), result({ method: 'a' }), result({ method: 'full', size: 1 })];
    expect(methodsOf(results)).toEqual(['full', 'b', 'a']);
    expect(sizesOf(results)).toEqual([0.1, 0.2]);
  });
});

describe('bestOfSize', () => {
  const groups = aggregate([
    result({ method: 'full', auc: 0.9, logLoss: 0.1 }),
    result({ method: 'a', auc: 0.7, logLoss: 0.5 }),
    result({ method: 'b', auc: 0.8, logLoss: 0.6 }),
    result({ method: 'c', auc: 0.8, logLoss: 0.5 }),
    result({ method: 'd', auc: Number.NaN, logLoss: 0.4 }),
    result({ method: 'e', auc: 0.99, logLoss: 0.01, size: 0.2 }),
  ]);

  it('takes the highest AUC and the lowest log loss of a size; the first of equals; never the full table', () => {
    expect(bestOfSize(groups, 0.1, 'auc')?.method).toBe('b');
    expect(bestOfSize(groups, 0.1, 'logLoss')?.method).toBe('d');
    expect(bestOfSize(groups, 0.3, 'auc')).toBe(undefined);
  });
});

describe('pairedDifference', () => {
  it('takes differences seed by seed: what seeds share cancels', () => {
    const { results } = usualComparison();
    const difference = pairedDifference(results, 'learned', 'modulo', 0.1, 'auc')!;
    expect(difference.mean).toBeCloseTo(0.01, 12);
    expect(difference.sd).toBeCloseTo(0, 12);
    expect(difference.n).toBe(3);
    expect(pairedDifference(results, 'full', 'modulo', 0.1, 'logLoss')!.mean).toBeCloseTo(-0.012, 12);
  });

  it('uses common seeds only', () => {
    const of = (method: string, seed: number, auc: number): ComparisonResult => result({ method, seed, auc });
    const results = [of('a', 1, 0.7), of('a', 2, 0.8), of('b', 2, 0.75), of('b', 3, 0.9)];
    expect(pairedDifference(results, 'a', 'b', 0.1, 'auc')).toMatchObject({ n: 1, sd: undefined });
    expect(pairedDifference(results, 'a', 'b', 0.1, 'auc')!.mean).toBeCloseTo(0.05, 12);
    expect(pairedDifference(results, 'a', 'c', 0.1, 'auc')).toBe(undefined);
    expect(pairedDifference(results, 'a', 'b', 0.2, 'auc')).toBe(undefined);
  });
});

describe('distinguishable', () => {
  it('claims a difference only beyond its spread', () => {
    expect(distinguishable({ mean: 0.01, sd: 0.002, n: 3 })).toBe(true);
    expect(distinguishable({ mean: -0.01, sd: 0.002, n: 3 })).toBe(true);
    expect(distinguishable({ mean: 0.001, sd: 0.002, n: 3 })).toBe(false);
    // t = 4.303 of 2 degrees of freedom: the half-width is 4.303 * 0.002 / sqrt(3) = 0.00497.
    expect(distinguishable({ mean: 0.00496, sd: 0.002, n: 3 })).toBe(false);
    expect(distinguishable({ mean: 0.00498, sd: 0.002, n: 3 })).toBe(true);
    expect(distinguishable({ mean: 0.00075, sd: 0.002, n: 31 })).toBe(true);
    expect(distinguishable({ mean: 0, sd: 0, n: 3 })).toBe(false);
    expect(distinguishable({ mean: Number.NaN, sd: Number.NaN, n: 3 })).toBe(false);
    expect(distinguishable({ mean: 0.01, sd: undefined, n: 1 })).toBe(undefined);
  });
});
