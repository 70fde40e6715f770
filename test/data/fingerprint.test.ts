import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../lib/data/fingerprint.ts';
import { type DatasetArrays, datasetFromArrays } from '../../lib/data/index.ts';

/** Two features, one of them a list, a dense column and two splits; fresh arrays each time. */
function arrays(): DatasetArrays & { splits: Record<'student' | 'evaluation', DatasetArrays['splits'][string]> } {
  const split = () => ({
    labels: Float32Array.of(0, 1, 1),
    dense: Float32Array.of(0.5, 2, 4),
    features: [
      { ids: Uint32Array.of(2, 0, 1) },
      { ids: Uint32Array.of(3, 3, 1, 0), offsets: Uint32Array.of(0, 2, 2, 4) },
    ],
  });
  return {
    features: [
      { name: 'user', cardinality: 4 },
      { name: 'tags', cardinality: 5, list: true },
    ],
    dense: ['age'],
    splits: { student: split(), evaluation: split() },
  };
}
const of = (given: DatasetArrays) => fingerprint(datasetFromArrays(given));

describe('fingerprint', () => {
  it('is a SHA-256, the same for the same data', async () => {
    expect(await of(arrays())).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await of(arrays())).toBe(await of(arrays()));
  });

  type Change = (given: ReturnType<typeof arrays>) => unknown;
  const first = (given: ReturnType<typeof arrays>) => given.splits.evaluation;
  it.each<[string, Change]>([
    ['a label', (d) => (first(d).labels[1] = 0)],
    ['a dense value', (d) => (first(d).dense![2] = 4.000001)],
    ['an id', (d) => (first(d).features[0]!.ids[0] = 3)],
    ['an id of a list', (d) => (first(d).features[1]!.ids[0] = 2)],
    ['offsets', (d) => (first(d).features[1]!.offsets![1] = 1)],
    ['the order of rows', (d) => d.splits.student.labels.reverse()],
    ['a name', (d) => (d.features[0]!.name = 'User')],
    ['a cardinality', (d) => (d.features[0]!.cardinality = 5)],
    ['the name of a dense column', (d) => (d.dense = ['height'])],
    ['the order of splits', (d) => (d.splits = { evaluation: d.splits.evaluation, student: d.splits.student })],
    ['the ids that stand for unseen values', (d) => (d.features[0]!.outOfVocabulary = 3)],
  ])('tells %s', async (_, change) => {
    const given = arrays();
    change(given);
    expect(await of(given)).not.toBe(await of(arrays()));
  });

  it('tells any two different columns apart', async () => {
    const ids = fc.array(fc.nat(3), { minLength: 3, maxLength: 3 });
    const withIds = (values: number[]) => {
      const given = arrays();
      given.splits.student.features[0]!.ids.set(values);
      return of(given);
    };
    await fc.assert(
      fc.asyncProperty(ids, ids, async (a, b) => {
        expect((await withIds(a)) === (await withIds(b))).toBe(a.join() === b.join());
      }),
    );
  });

  it('stops on an abort', async () => {
    const stopped = fingerprint(datasetFromArrays(arrays()), { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
