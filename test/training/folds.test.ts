import { describe, expect, it } from 'vitest';
import { datasetFromArrays } from '../../lib/data/index.ts';
import type { HashFunction } from '../../lib/hashing/index.ts';
import { Recommender } from '../../lib/model/recommender.ts';
import { trainEpoch } from '../../lib/training/train.ts';

/** A feature of bags and one of single ids. */
function twoFeatures(bags: number[][], single: number[], cardinality: number) {
  const offsets = [0];
  for (const bag of bags) offsets.push(offsets.at(-1)! + bag.length);
  const ids = { ids: Uint32Array.from(bags.flat()), offsets: Uint32Array.from(offsets) };
  const labels = Float32Array.from(single, (id) => id % 2);
  return datasetFromArrays({
    features: [
      { name: 'bag', cardinality, list: true },
      { name: 'id', cardinality },
    ],
    splits: { student: { labels, features: [ids, { ids: Uint32Array.from(single) }] } },
  }).split('student');
}

const CARDINALITY = 12;

describe('training by folds', () => {
  const single = Array.from({ length: 40 }, (_, row) => row % 8); // even ids in even rows
  const split = twoFeatures(Array(40).fill([]), single, CARDINALITY);
  const to = (row: number): HashFunction => ({
    kind: 'table',
    rows: CARDINALITY,
    entries: new Uint8Array(CARDINALITY).fill(row),
  });
  /** The rows of feature `id` that an epoch moves. */
  const moved = async (options: { half?: 0 | 1 }, trainingHashes?: HashFunction[][]) => {
    const [bag, id] = split.features.map(({ name, cardinality }) => ({ name, cardinality }));
    using model = new Recommender({ features: [bag!, { ...id!, trainingHashes }], dense: 0, dim: 2 });
    const before = model.tables.weights('id');
    await trainEpoch(model, split, { batchSize: 8, seed: 1, ...options });
    const after = model.tables.weights('id');
    return [...Array(CARDINALITY).keys()].filter((row) => before[2 * row] !== after[2 * row]);
  };

  it('moves only the rows of a half of the examples', async () => {
    expect(await moved({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await moved({ half: 1 })).toEqual([1, 3, 5, 7]);
  });

  it('moves the rows that training hashes give, those of a fold by its examples', async () => {
    expect(await moved({}, [[to(9)]])).toEqual([9]);
    expect(await moved({}, [[to(9)], [to(10)]])).toEqual([9, 10]);
    expect(await moved({ half: 0 }, [[to(9)], [to(10)]])).toEqual([9]);
    const own = { kind: 'identity' } as const;
    expect(await moved({}, [[own], [to(10)]])).toEqual([0, 2, 4, 6, 10]);
    expect(await moved({}, [[to(10)], [to(10)], [own]])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 10]);
  });
});
