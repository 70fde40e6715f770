/** Which ids own a row: those that the given splits hold most often, all of them together, or else the teacher's rows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datasetFromArrays, type Split } from '../../lib/data/index.ts';
import { rowsOfAll } from '../../lib/hashing/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import type { Hashing } from '../../lib/pipeline/hashing.ts';
import { Teacher } from '../../lib/pipeline/teacher.ts';

const ids = 40;
const features = [{ name: 'a', cardinality: ids }];
const options = { size: 0.5, minRows: 1, hotShare: 0.3 };
const hot = 6; // 0.3 of 20 rows

const splitOf = (accesses: readonly number[]): Split => {
  const split = { labels: new Float32Array(accesses.length), features: [{ ids: Uint32Array.from(accesses) }] };
  return datasetFromArrays({ features, splits: { split } }).split('split');
};

/** The ids that share their row with no other. */
function alone(hashing: Hashing): number[] {
  const rows = rowsOfAll(hashing.features[0]!.hashes[0]!, ids);
  return [...rows.keys()].filter((id) => rows.indexOf(rows[id]!) === rows.lastIndexOf(rows[id]!));
}

describe('hot ids', () => {
  it('are those of most accesses in all the splits together', async () => {
    const accesses = fc.array(fc.nat(ids - 1), { minLength: 60, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.array(accesses, { minLength: 1, maxLength: 3 }), accesses, async (lists, older) => {
        const count = (list: readonly number[]) =>
          Uint32Array.from({ length: ids }, (_, id) => list.filter((x) => x === id).length);
        const hottest = (list: readonly number[]) => {
          const counts = count(list);
          return [...counts.keys()].sort((a, b) => counts[b]! - counts[a]! || a - b).slice(0, hot);
        };
        const recent = lists.map(splitOf);
        const rows = Float32Array.from({ length: ids }, (_, id) => Math.sin(id));
        const teacher = new Teacher(1, [{ name: 'a', cardinality: ids, rows, counts: count(older).map((n) => n + 1) }]);
        const wanted = expect.arrayContaining(hottest(lists.flat()));
        expect(alone(await learnHashing(teacher, { ...options, recent }))).toEqual(wanted);
        expect(alone(await learnHashing(teacher, options))).toEqual(expect.arrayContaining(hottest(older)));
        const frequent = await baselineHashing(recent[0]!.features, { ...options, method: 'frequent', recent });
        expect(alone(frequent)).toEqual(wanted);
        const [hash] = frequent.features[0]!.hashes;
        expect(hash).toMatchObject({ kind: 'hot', rows: 20, ids: Uint32Array.from(hottest(lists.flat())).sort() });
      }),
      { numRuns: 50 },
    );
  });
});
