import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compare } from '../../lib/compare/run.ts';
import { rowCount, rowsOfAll } from '../../lib/hashing/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { divisorFor } from '../../lib/methods/quotient_remainder.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { Student, trainStudent } from '../../lib/pipeline/student.ts';
import { temporaryFolder } from '../data/files.ts';
import { tinyConfig, tinyData } from '../pipeline/tiny.ts';

const { folder } = temporaryFolder();
const rowsWith = (ids: number, divisor: number) => Math.ceil(ids / divisor) + divisor;

it('the divisor is the least whose two tables keep within the rows', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 3000 }), (ids, rows) => {
      const all = Array.from({ length: ids }, (_, k) => k + 1);
      expect(divisorFor(ids, rows)).toBe(all.find((divisor) => rowsWith(ids, divisor) <= rows));
    }),
    { numRuns: 300 },
  );
  for (const ids of [1, 2, 4, 1e6, 4e9]) {
    const least = Math.ceil(2 * Math.sqrt(ids));
    expect(rowsWith(ids, divisorFor(ids, least + 1)!)).toBeLessThanOrEqual(least + 1);
    expect(divisorFor(ids, Math.floor(2 * Math.sqrt(ids)) - 1)).toBeUndefined();
  }
});

it('no two ids have both rows in common, and the rows are those asked for or fewer', async () => {
  const data = tinyData();
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 5000 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      async (ids, size) => {
        const features = [{ ...data.features[0]!, cardinality: ids }];
        const { features: made } = await baselineHashing(features, { method: 'quotient-remainder', size, minRows: 0 });
        const { hashes, combine } = made[0]!;
        const rows = Math.ceil(ids * size);
        expect(hashes.reduce((sum, hash) => sum + rowCount(hash, ids), 0)).toBeLessThanOrEqual(rows);
        if (hashes.length === 1) {
          expect(hashes).toEqual([rows >= ids ? { kind: 'identity' } : { kind: 'modulo', rows }]);
          return;
        }
        expect(combine).toBe('multiply');
        const [quotients, remainders] = hashes.map((hash) => rowsOfAll(hash, ids));
        const pairs = Array.from(quotients!, (row, id) => `${row} ${remainders![id]}`);
        expect(new Set(pairs).size).toBe(ids);
      },
    ),
    { numRuns: 100 },
  );
});

it('trains, and its student and its mapping come back from their files', async () => {
  const data = tinyData();
  const hashing = await baselineHashing(data, { method: 'quotient-remainder', size: 0.4, minRows: 1 });
  expect(hashing.features.map(({ combine }) => combine)).toEqual(['multiply', 'multiply']);
  await hashing.save(`${folder}/mapping.safetensors`);
  const loaded = await Hashing.load(`${folder}/mapping.safetensors`);
  expect(loaded.features).toEqual(hashing.features);
  const training = { dim: 4, learningRate: 0.3, epochs: 2, batchSize: 64, topHidden: [4], bottomHidden: [] };
  using student = await trainStudent(data.split('student'), { ...training, hashing: loaded });
  const { auc } = await student.evaluate(data.split('evaluation'));
  expect(auc).toBeGreaterThan(0.6);
  await student.save(`${folder}/student`);
  using again = await Student.load(`${folder}/student`);
  expect(await again.losses(data.split('evaluation'))).toEqual(await student.losses(data.split('evaluation')));
});

it('is compared by its rows and bytes', async () => {
  const config = tinyConfig({ compare: { methods: ['full', 'modulo', 'quotient-remainder'], sizes: [0.5], seeds: 1 } });
  const data = tinyData();
  const [, modulo, multiplied] = (await compare(config, data)).results;
  const rows = data.features.reduce((sum, { cardinality: ids }) => {
    return sum + rowsWith(ids, divisorFor(ids, Math.ceil(ids / 2))!);
  }, 0);
  expect(multiplied).toMatchObject({ method: 'quotient-remainder', rows });
  expect(rows).toBeLessThanOrEqual(modulo!.rows);
  expect(multiplied!.bytes).toMatchObject({ rows: 4 * 4 * rows, mapping: 0, total: 4 * 4 * rows });
});
