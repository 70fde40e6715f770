import fc from 'fast-check';
import { expect, it } from 'vitest';
import { devicesOf } from '../../lib/compare/plan.ts';
import { compare } from '../../lib/compare/run.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { widthsFor } from '../../lib/methods/mixed_dimension.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { Student, trainStudent } from '../../lib/pipeline/student.ts';
import { formatTable } from '../../lib/report/index.ts';
import { temporaryFolder } from '../data/files.ts';
import { tinyConfig, tinyData } from '../pipeline/tiny.ts';

const { folder } = temporaryFolder();
const numbersOf = (ids: readonly number[], widths: readonly number[], dim: number) =>
  ids.reduce((sum, n, t) => sum + widths[t]! * n + (widths[t]! < dim ? widths[t]! * dim : 0), 0);

it('widths fall with the ids, and the next wider ones would be too many numbers', () => {
  // n^-0.3: of a hundred times the ids a quarter of the width, of ten thousand times a sixteenth.
  const [small, middle, large] = [100, 1e4, 1e6];
  const whole = numbersOf([small, middle, large], [16, 4, 1], 16);
  expect(widthsFor([small, middle, large], 16, whole)).toEqual([16, 4, 1]);
  const count = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(
      fc.array(count, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 32 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (ids, dim, share) => {
        const numbers = share * dim * ids.reduce((sum, n) => sum + n, 0);
        const widths = widthsFor(ids, dim, numbers);
        const narrowest = ids.map(() => 1);
        if (widths === undefined) {
          expect(numbersOf(ids, narrowest, dim)).toBeGreaterThan(numbers);
          return;
        }
        expect(numbersOf(ids, widths, dim)).toBeLessThanOrEqual(numbers);
        // By hand: every factor at which a width changes, the largest that fits.
        const rule = (factor: number) => ids.map((n) => Math.min(dim, Math.max(1, Math.floor(factor * n ** -0.3))));
        const factors = ids.flatMap((n) => Array.from({ length: dim }, (_, k) => (k + 1) * n ** 0.3 * (1 + 1e-9)));
        const fitting = factors.filter((factor) => numbersOf(ids, rule(factor), dim) <= numbers);
        const best = fitting.length === 0 ? narrowest : rule(Math.max(...fitting));
        const sum = (list: readonly number[]) => list.reduce((total, width) => total + width, 0);
        expect(sum(widths)).toBeGreaterThanOrEqual(sum(best));
      },
    ),
    { numRuns: 300 },
  );
});

it('trains, and its student and its mapping come back from their files', async () => {
  const data = tinyData();
  const hashing = await baselineHashing(data, { method: 'mixed-dimension', size: 0.4, minRows: 1 });
  expect(hashing.features[0]!.source).toMatchObject({ kind: 'mixed-dimension' });
  await hashing.save(`${folder}/mapping.safetensors`);
  const loaded = await Hashing.load(`${folder}/mapping.safetensors`);
  expect(loaded.features).toEqual(hashing.features);
  const training = { dim: 16, learningRate: 0.1, epochs: 2, batchSize: 64, topHidden: [4], bottomHidden: [] };
  using student = await trainStudent(data.split('student'), { ...training, hashing: loaded });
  expect((await student.evaluate(data.split('evaluation'))).auc).toBeGreaterThan(0.6);
  await student.save(`${folder}/student`);
  using again = await Student.load(`${folder}/student`);
  expect(await again.losses(data.split('evaluation'))).toEqual(await student.losses(data.split('evaluation')));
});

it('is compared by its bytes; sizes too small for a column are hashed by modulo', async () => {
  const methods = ['full', 'modulo', 'mixed-dimension'];
  const config = tinyConfig({ compare: { methods, sizes: [0.1, 0.6], seeds: 1 } });
  const data = tinyData();
  const comparison = await compare(config, data);
  const [full, , modulo, small, mixed] = comparison.results;
  expect(small).toMatchObject({ method: 'mixed-dimension', size: 0.1, auc: comparison.results[1]!.auc });
  const ids = data.features.map(({ cardinality }) => cardinality);
  const rows = ids.map((n) => Math.ceil(0.6 * n)).reduce((sum, n) => sum + n, 0);
  const numbers = numbersOf(ids, widthsFor(ids, 4, 4 * rows)!, 4);
  expect(mixed).toMatchObject({ method: 'mixed-dimension', size: 0.6, rows: numbers / 4 });
  expect(mixed!.bytes).toMatchObject({ rows: 4 * numbers, mapping: 0, total: 4 * numbers });
  expect(mixed!.bytes.total).toBeLessThanOrEqual(modulo!.bytes.total);
  expect(full!.bytes.total).toBeGreaterThan(mixed!.bytes.total);
  expect(formatTable(comparison)).toMatch(/^mixed-dimension +60 %/m);
});

it('is refused for CUDA before anything is read', () => {
  const config = tinyConfig({ device: 'cuda', compare: { methods: ['mixed-dimension'] } });
  expect(() => devicesOf(config)).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED' }));
});
