import { describe, expect, test } from 'vitest';
import { type DatasetArrays, datasetFromArrays } from '../../lib/data/memory.ts';
import type { CollideErrorCode } from '../../lib/errors.ts';
import { failure } from './files.ts';

/** Two features, the second a list; three rows. */
function arrays(): DatasetArrays & { splits: { s: DatasetArrays['splits'][string] } } {
  return {
    features: [
      { name: 'a', cardinality: 4 },
      { name: 'b', cardinality: 3, list: true },
    ],
    dense: ['x'],
    splits: {
      s: {
        labels: Float32Array.of(0, 1, 1),
        dense: Float32Array.of(0.5, 1.5, 2.5),
        features: [
          { ids: Uint32Array.of(3, 0, 3) },
          { ids: Uint32Array.of(2, 2, 1), offsets: Uint32Array.of(0, 2, 2, 3), unseen: 1 },
        ],
      },
    },
  };
}

describe('datasetFromArrays', () => {
  test('hands the arrays out and counts ids', () => {
    const given = arrays();
    const data = datasetFromArrays(given);
    const split = data.split('s');
    expect(split.ids(0).ids).toBe(given.splits.s.features[0]!.ids);
    expect(split.ids(0).offsets).toBeNull();
    expect([...split.idCounts(0)]).toEqual([1, 0, 0, 2]);
    expect([...split.idCounts(1)]).toEqual([0, 1, 2]);
    expect([split.unseen(0), split.unseen(1)]).toEqual([0, 1]);
    expect([data.splits, data.dense, split.denseCount]).toEqual([['s'], ['x'], 1]);
    expect(split.features).toBe(data.features);
    expect(data.text(0, 3)).toBeNull();
  });

  test('using closes it', async () => {
    const data = datasetFromArrays(arrays());
    data[Symbol.dispose]();
    await failure('CLOSED', () => data.split('s'));
  });

  test('an unknown split or feature', async () => {
    const data = datasetFromArrays(arrays());
    expect((await failure('INVALID_ARGUMENT', () => data.split('z'))).message).toMatch(/Expected one of "s"/);
    for (const call of [
      () => data.split('s').ids(2),
      () => data.split('s').idCounts(-1),
      () => data.split('s').unseen(0.5),
    ]) {
      expect((await failure('INVALID_ARGUMENT', call)).message).toMatch(/feature number from 0 to 1/);
    }
  });

  test.each<[string, CollideErrorCode, (a: ReturnType<typeof arrays>) => void, RegExp]>([
    ['a label', 'INVALID_LABEL', (a) => a.splits.s.labels.set([2], 1), /received 2 in split s, row 1/],
    ['a NaN label', 'INVALID_LABEL', (a) => a.splits.s.labels.set([Number.NaN], 0), /row 0/],
    [
      'a dense value',
      'INVALID_ARGUMENT',
      (a) => a.splits.s.dense!.set([Infinity], 2),
      /Infinity in split s, row 2, dense column 0/,
    ],
    ['dense missing', 'INVALID_ARGUMENT', (a) => delete a.splits.s.dense, /length 3 for dense.*received 0/],
    [
      'an id',
      'INVALID_INDEX',
      (a) => a.splits.s.features[0]!.ids.set([4], 1),
      /below 4, received 4 in feature "a" of split s/,
    ],
    [
      'ids too few',
      'INVALID_ARGUMENT',
      (a) => {
        a.splits.s.features[0]!.ids = Uint32Array.of(1);
      },
      /length 3 for ids/,
    ],
    ['a feature missing', 'INVALID_ARGUMENT', (a) => a.splits.s.features.pop(), /length 2 for features/],
    [
      'offsets missing',
      'INVALID_OFFSETS',
      (a) => delete a.splits.s.features[1]!.offsets,
      /offsets for a list feature.*"b"/,
    ],
    [
      'offsets too many',
      'INVALID_OFFSETS',
      (a) => {
        a.splits.s.features[0]!.offsets = new Uint32Array(4);
      },
      /no offsets.*"a"/,
    ],
    [
      'offsets that decrease',
      'INVALID_OFFSETS',
      (a) => a.splits.s.features[1]!.offsets!.set([1], 2),
      /not decrease.*row 1/,
    ],
    [
      'offsets that overrun',
      'INVALID_OFFSETS',
      (a) => a.splits.s.features[1]!.offsets!.set([4], 3),
      /4 offsets from 0 to 3.*to 4/,
    ],
  ])('refuses %s', async (_, code, spoil, message) => {
    const given = arrays();
    spoil(given);
    expect((await failure(code, () => datasetFromArrays(given))).message).toMatch(message);
  });
});
