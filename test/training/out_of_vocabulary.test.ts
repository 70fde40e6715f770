import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batches, datasetFromArrays, syntheticDataset } from '../../lib/data/index.ts';
import { Recommender } from '../../lib/model/recommender.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import { replaceNewIds } from '../../lib/training/out_of_vocabulary.ts';
import { trainEpoch } from '../../lib/training/train.ts';

/** A bag feature and a single one with out-of-vocabulary rows (id 9), and one without; ids 0 to 4 are old, 4 by one access. */
function twoAges(rows: number, bag: number) {
  const idOf = (k: number, age: number) => (age === 1 ? k % 9 : k === 0 ? 4 : k % 4);
  const ids = (count: number, ageOf: (k: number) => number) => Uint32Array.from({ length: count }, (_, k) => ageOf(k));
  const bags = Uint32Array.from({ length: rows + 1 }, (_, row) => row * bag);
  const split = (age: number) => ({
    labels: Float32Array.from({ length: rows }, (_, row) => row % 2),
    features: [
      { ids: ids(rows * bag, (k) => idOf(k, age)), offsets: bags },
      { ids: ids(rows, (k) => idOf(k, age)) },
      { ids: ids(rows, (k) => idOf(k, age)) },
    ],
  });
  return datasetFromArrays({
    features: [
      { name: 'bag', cardinality: 10, list: true, outOfVocabulary: 9 },
      { name: 'id', cardinality: 10, outOfVocabulary: 9 },
      { name: 'closed', cardinality: 10 },
    ],
    splits: { teacher: split(0), student: split(1) },
  });
}

describe('replaceNewIds', () => {
  it('replaces the wanted share of the new ids, nothing else, batch by batch', () => {
    fc.assert(
      fc.property(fc.constantFrom(0.02, 0.3, 0.9), fc.nat(), fc.integer({ min: 1, max: 3 }), (share, seed, bag) => {
        const data = twoAges(2000, bag);
        const replace = replaceNewIds(data.split('teacher'), share, seed);
        let fresh = 0;
        let replaced = 0;
        for (const batch of batches(data.split('student'), { size: 300 })) {
          const before = batch.indices.slice();
          replace(batch);
          const closedFrom = batch.offsets[2 * batch.size]!;
          batch.indices.forEach((id, k) => {
            const isNew = before[k]! >= 5 && k < closedFrom;
            if (isNew) fresh++;
            if (id === before[k]) return;
            replaced++;
            expect([isNew, id]).toEqual([true, 9]);
          });
        }
        // Seven standard deviations of a binomial.
        expect(Math.abs(replaced - share * fresh)).toBeLessThan(7 * Math.sqrt(share * (1 - share) * fresh));
      }),
      { numRuns: 40 },
    );
  });

  it('depends on its seed alone, and does nothing for a share of 0', () => {
    const data = twoAges(500, 2);
    const run = (share: number, seed: number) => {
      const replace = replaceNewIds(data.split('teacher'), share, seed);
      return Array.from(batches(data.split('student'), { size: 64 }), (batch) => {
        replace(batch);
        return batch.indices.slice();
      });
    };
    expect(run(0.2, 3)).toEqual(run(0.2, 3));
    expect(run(0.2, 3)).not.toEqual(run(0.2, 4));
    const untouched = Array.from(batches(data.split('student'), { size: 64 }), (batch) => batch.indices.slice());
    expect(run(0, 3)).toEqual(untouched);
  });
});

describe('training of out-of-vocabulary rows', () => {
  const { data } = syntheticDataset({ rows: 4000, cardinalities: [2000], zipf: 0.9, newIdsShare: 0.3, seed: 3 });
  const student = data.split('student');
  const older = data.split('teacher');

  it('moves the out-of-vocabulary row, which stays where it was without', async () => {
    const { name, cardinality } = data.features[0]!;
    const unseenRow = async (share: number | undefined) => {
      using model = new Recommender({ features: [{ name, cardinality }], dense: 1, dim: 4 });
      const row = () => [...model.tables.weights(name).slice(-4)];
      const start = row();
      const outOfVocabulary = share === undefined ? undefined : { older, share };
      await trainEpoch(model, student, { batchSize: 64, seed: 1, outOfVocabulary });
      return { start, end: row() };
    };
    const untrained = await unseenRow(undefined);
    expect(untrained.end).toEqual(untrained.start);
    const trained = await unseenRow(0.2);
    expect(trained.end).not.toEqual(trained.start);
  });

  it('reaches the student, and refuses a share that is none', async () => {
    const train = (share: number) => trainStudent(student, { dim: 4, outOfVocabulary: { older, share } });
    using plain = await trainStudent(student, { dim: 4 });
    using none = await train(0);
    using some = await train(0.2);
    const evaluation = data.split('evaluation');
    expect(await none.evaluate(evaluation)).toEqual(await plain.evaluate(evaluation));
    expect((await some.evaluate(evaluation)).logLoss).not.toBe((await plain.evaluate(evaluation)).logLoss);
    for (const share of [1, -0.1, Number.NaN]) {
      await expect(train(share)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});
