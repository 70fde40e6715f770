/** Results are resumed with the config and on the data they are of, or refused with what has changed. */
import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../lib/compare/results.ts';
import { compare } from '../../lib/compare/run.ts';
import type { SplitArrays } from '../../lib/data/index.ts';
import { datasetFromArrays } from '../../lib/data/index.ts';
import { takeRows, tinyArrays, tinyConfig, tinyData } from '../pipeline/tiny.ts';

const config = tinyConfig({ compare: { methods: ['full', 'modulo'], seeds: 2 } });
const whole = await compare(config, tinyData());
const begun: Comparison = { ...whole, results: whole.results.slice(0, 2) };
const first = (split: SplitArrays, ids: (ids: Uint32Array) => Uint32Array): SplitArrays => ({
  ...split,
  features: split.features.map((feature, f) => (f === 0 ? { ids: ids(feature.ids) } : feature)),
});

describe('resume on changed data', () => {
  it.each<[string, Parameters<typeof tinyData>[0], RegExp]>([
    ['fewer rows', { student: (s) => takeRows(s, (row) => row > 99) }, /rows of split student: \d+ now, \d+ then/],
    [
      'other labels',
      { evaluation: (s) => ({ ...s, labels: s.labels.map(() => 1) }) },
      /share of labels 1 of split evaluation: 1 now, 0\.\d+ then/,
    ],
    [
      'other ids',
      { teacher: (s) => first(s, (ids) => ids.toReversed()) },
      /as many rows and ids, but other values or another order/,
    ],
    ['other dense values', { validation: (s) => ({ ...s, dense: s.dense!.map((x) => -x) }) }, /other values/],
  ])('refuses %s', async (_, changes, message) => {
    const resumed = compare(config, tinyData(changes), { resume: begun });
    await expect(resumed).rejects.toMatchObject({ code: 'FILE_FORMAT', message: expect.stringMatching(message) });
    await expect(resumed).rejects.toThrow(
      /Expected results with the same data for resume of compare, .* Start again without resuming/,
    );
  });

  it('refuses other features, and says which', async () => {
    const features = tinyArrays.features.map((feature, f) => (f === 0 ? { ...feature, name: 'other' } : feature));
    const resumed = compare(config, datasetFromArrays({ ...tinyArrays, features }), { resume: begun });
    await expect(resumed).rejects.toThrow(/features: other, \S+ now, \S+, \S+ then/);
  });

  it('takes the same data from anywhere', async () => {
    const moved = { ...config, data: { ...config.data, folder: '/elsewhere' } };
    const { results } = await compare(moved, tinyData(), { resume: begun });
    expect(results.slice(0, 2)).toEqual(begun.results);
    expect(results).toHaveLength(4);
  });
});

describe('resume', () => {
  const refused = (resume: unknown, of = config) => compare(of, tinyData(), { resume: resume as Comparison });

  it('refuses results of another config', async () => {
    const other = tinyConfig({ compare: { methods: ['full', 'modulo'], seeds: 2, sizes: [0.4] } });
    await expect(refused(begun, other)).rejects.toMatchObject({
      code: 'FILE_FORMAT',
      message: expect.stringContaining('Expected results with the same config'),
    });
  });

  it('refuses results of earlier versions, which have no fingerprint', async () => {
    const { fingerprint: _, ...data } = begun.data;
    await expect(refused({ ...begun, data })).rejects.toThrow(
      /fingerprint of their data .* as earlier versions wrote them/,
    );
  });

  it('refuses results of another version of this package', async () => {
    await expect(refused({ ...begun, version: '0.0.9' })).rejects.toMatchObject({
      code: 'FILE_FORMAT',
      message: expect.stringMatching(
        /Expected results with version .* received those of version 0\.0\.9\. Start again/,
      ),
    });
  });

  it('refuses what is no comparison', async () => {
    for (const wrong of [begun.results, null, 'results.json', 3, { ...begun, results: [{ method: 'modulo' }] }]) {
      await expect(refused(wrong)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^Expected a (whole )?comparison.* for resume of compare/),
      });
    }
  });
});
