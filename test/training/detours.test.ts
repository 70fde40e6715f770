import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batches, datasetFromArrays, shuffled } from '../../lib/data/index.ts';
import { Recommender } from '../../lib/model/recommender.ts';
import { takeDetours } from '../../lib/training/detours.ts';
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
const id = fc.nat(CARDINALITY - 1);
const rowsOfIds = fc.array(fc.tuple(fc.array(id, { maxLength: 4 }), id), { minLength: 1, maxLength: 60 });
const detour = fc.array(id, { minLength: CARDINALITY, maxLength: CARDINALITY }).map((ids) => Uint32Array.from(ids));

describe('takeDetours', () => {
  it('looks an id up as its fold of the row says, in batches of any order', () => {
    const folds = fc.option(fc.array(detour, { minLength: 1, maxLength: 3 }), { nil: undefined });
    fc.assert(
      fc.property(rowsOfIds, fc.array(folds, { minLength: 2, maxLength: 2 }), fc.nat(), (data, detours, seed) => {
        const split = twoFeatures(
          data.map(([bag]) => bag),
          data.map(([, single]) => single),
          CARDINALITY,
        );
        const order = shuffled(split.rows, seed);
        let done = 0;
        for (const batch of batches(split, { size: 7, order })) {
          const rows = order.subarray(done, done + batch.size);
          const detoured = takeDetours(batch, rows, detours);
          for (const [r, row] of rows.entries()) {
            for (const [f, ids] of [data[row]![0], [data[row]![1]]].entries()) {
              const bag = f * batch.size + r;
              const [start, end] = batch.offsets.subarray(bag, bag + 2);
              const seen = [...detoured.subarray(start, end)];
              expect([...batch.indices.subarray(start, end)]).toEqual(ids); // itself unchanged
              const own = detours[f];
              expect(seen).toEqual(own === undefined ? ids : ids.map((id) => own[row % own.length]![id]));
            }
          }
          done += batch.size;
        }
        expect(done).toBe(split.rows);
      }),
      { numRuns: 200 },
    );
  });

  it('reaches training: only the rows of a half, only what ids are looked up as', async () => {
    const single = Array.from({ length: 40 }, (_, row) => row % 8); // even ids in even rows
    const split = twoFeatures(Array(40).fill([]), single, CARDINALITY);
    const moved = async (options: object) => {
      const features = split.features.map(({ name, cardinality }) => ({ name, cardinality }));
      using model = new Recommender({ features, dense: 0, dim: 2 });
      const before = model.tables.weights('id');
      await trainEpoch(model, split, { batchSize: 8, seed: 1, ...options });
      const after = model.tables.weights('id');
      return [...Array(CARDINALITY).keys()].filter((id) => before[2 * id] !== after[2 * id]);
    };
    expect(await moved({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await moved({ half: 1 })).toEqual([1, 3, 5, 7]);
    const away = (to: number) => Uint32Array.from({ length: CARDINALITY }, () => to);
    expect(await moved({ detours: [undefined, [away(9), away(10)]] })).toEqual([9, 10]);
    expect(await moved({ half: 0, detours: [undefined, [away(9), away(10)]] })).toEqual([9]);
  });
});
