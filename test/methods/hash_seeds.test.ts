/** The seed of a hashing reaches every hash function that has one. */
import { describe, expect, it } from 'vitest';
import { rowsOfAll } from '../../lib/hashing/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import type { Hashing } from '../../lib/pipeline/hashing.ts';
import { trainTeacher } from '../../lib/pipeline/teacher.ts';
import { tinyData } from '../pipeline/tiny.ts';

const data = tinyData();
const recent = [data.split('student')];
const teacher = await trainTeacher(data.split('teacher'), { batchSize: 64 });
const shared = { size: 0.3, minRows: 1, recent };

/** The rows that the last hash function of the first feature gives. */
function lastRows({ features }: Hashing): string {
  const { hashes, cardinality } = features[0]!;
  return rowsOfAll(hashes.at(-1)!, cardinality).join();
}

describe('the seed of a hashing', () => {
  const methods: [string, (seed?: number) => Hashing | Promise<Hashing>][] = [
    ['mixed', (seed) => baselineHashing(data.features, { ...shared, method: 'mixed', seed })],
    ['the tail of frequent', (seed) => baselineHashing(data.features, { ...shared, method: 'frequent', seed })],
    ['hashed parts', (seed) => learnHashing(teacher, { ...shared, parts: 2, seed })],
    ['hashed unseen ids', (seed) => learnHashing(teacher, { ...shared, unseen: 'hash', seed })],
    ['lsh', (seed) => learnHashing(teacher, { ...shared, method: 'lsh', seed })],
  ];
  it.each(methods)('changes %s', async (_, make) => {
    const made = await Promise.all([1, 2, 3, 1].map(make));
    const rows = made.map(lastRows);
    expect(new Set(rows).size).toBe(3);
    expect(rows[3]).toBe(rows[0]);
    expect(lastRows(await make())).toBe(lastRows(await make(0)));
  });

  it('gives the parts of a row different hash functions', async () => {
    const { features } = await learnHashing(teacher, { ...shared, parts: 4, seed: 1 });
    const [, ...parts] = features[0]!.hashes.map((hash) => rowsOfAll(hash, features[0]!.cardinality).join());
    expect(new Set(parts).size).toBe(3);
  });
});
