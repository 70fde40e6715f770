/** Hashings with training hashes: what is refused, and what of them a student keeps. */
import { describe, expect, it } from 'vitest';
import type { FeatureHashing } from '../../lib/hashing/feature_hashing.ts';
import type { HashFunction } from '../../lib/hashing/index.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import { tinyData } from './tiny.ts';

const data = tinyData();
const manifest = { method: 'modulo', size: 0.5, minRows: 0, seed: 0 };

/** Every feature over three rows, to train by the lists given. */
const hashingOf = (lists: (f: number) => readonly HashFunction[][] | undefined) =>
  new Hashing(
    data.features.map(({ name, cardinality }, f): FeatureHashing => {
      const trainingHashes = lists(f);
      const feature: FeatureHashing = { name, cardinality, hashes: [{ kind: 'modulo', rows: 3 }], combine: 'sum' };
      return trainingHashes === undefined ? feature : { ...feature, trainingHashes };
    }),
    manifest,
  );
const mixed = (seed: number): HashFunction[] => [{ kind: 'mixed', rows: 3, seed }];

describe('a Hashing with training hashes', () => {
  it('is refused where they do not fit its tables, or features have different folds', () => {
    const refused = (lists: (f: number) => unknown, message: RegExp) =>
      expect(() => hashingOf(lists as never)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
      );
    refused(() => [], /trainingHashes of feature/);
    refused(
      () => [[{ kind: 'modulo', rows: 4 }]],
      /Expected 3 rows, those of hashes\[0\], for trainingHashes\[0\]\[0\]/,
    );
    refused(() => [[...mixed(1), ...mixed(2)]], /Expected 1 hash functions/);
    refused((f) => Array.from({ length: 2 + f }, () => mixed(f)), /for 2 folds.*of a Hashing, received 3/);
  });

  it('serves the student as without them, by tables that they trained', async () => {
    const [plain, one, two] = [() => undefined, () => [mixed(5)], () => [mixed(5), mixed(6)]].map(hashingOf);
    const present = data.split('student');
    const train = async (hashing: Hashing) => {
      using student = await trainStudent(present, { hashing, dim: 4, batchSize: 64, learningRate: 0.3 });
      expect(student.hashing!.features).toEqual(plain!.features);
      expect(student.hashing!.fingerprint).toBe(hashing.fingerprint);
      return { bytes: student.memory(), answers: await student.predict(data.split('evaluation')) };
    };
    const trained = [await train(plain!), await train(one!), await train(two!)];
    expect(new Set(trained.map(({ answers }) => answers.join())).size).toBe(3);
    for (const { bytes } of trained) expect(bytes).toEqual(trained[0]!.bytes);
  });
});
