/** A comparison that goes on from any of its results gives what an uninterrupted one gives. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComparisonResult } from '../../lib/compare/results.ts';
import { compare } from '../../lib/compare/run.ts';
import { quality, tinyConfig, tinyData } from '../pipeline/tiny.ts';

const data = tinyData();
const config = tinyConfig({
  teacher: { crossFit: [false, true] },
  training: { outOfVocabularyShare: 0.1 },
  compare: {
    methods: ['full', 'frequent', 'auto'],
    sizes: [0.3, 0.5],
    hotShare: [0, 0.9],
    unseen: 'out-of-vocabulary',
  },
});
const comparison = await compare(config, data);
const whole = comparison.results;
const resume = (known: readonly ComparisonResult[]) =>
  compare(config, data, { resume: { ...comparison, results: [...known] } });

describe('resume', () => {
  it('from every point', async () => {
    for (let known = 0; known <= whole.length; known++) {
      const { results } = await resume(whole.slice(0, known));
      expect(results.map(quality)).toEqual(whole.map(quality));
      expect(results.slice(0, known)).toEqual(whole.slice(0, known)); // not computed again: the clock's figures, too
    }
  });

  it('from any of the results, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(whole), async (known) => {
        const { results } = await resume(known);
        expect(results.map(quality)).toEqual(whole.map(quality));
      }),
      { numRuns: 10 },
    );
  });

  it('where each result came with an interruption', async () => {
    let known: readonly ComparisonResult[] = [];
    for (let runs = 1; runs <= whole.length; runs++) {
      const controller = new AbortController();
      const job = compare(config, data, {
        resume: { ...comparison, results: [...known] },
        signal: controller.signal,
        onResult: ({ results }) => {
          known = results;
          controller.abort();
        },
      });
      if (runs < whole.length) await expect(job).rejects.toMatchObject({ code: 'ABORTED' });
      else await job;
      expect(known.map(quality)).toEqual(whole.slice(0, runs).map(quality));
    }
  });
});
