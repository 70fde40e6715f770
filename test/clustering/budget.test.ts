import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BudgetTable, distortionCurve, shareBudget } from '../../lib/clustering/budget.ts';
import { mappingBytes } from '../../lib/hashing/index.ts';
import { generator, kdTreeReference } from './reference.ts';

/** Error of a clustering from the definition. */
function errorOf(rows: number[][], counts: ArrayLike<number>, assignment: number[]): number {
  let error = 0;
  for (const row of new Set(assignment)) {
    const ids = [...assignment.keys()].filter((id) => assignment[id] === row);
    const total = ids.reduce((sum, id) => sum + counts[id]!, 0);
    if (total === 0) continue;
    for (let d = 0; d < rows[0]!.length; d++) {
      const mean = ids.reduce((sum, id) => sum + counts[id]! * rows[id]![d]!, 0) / total;
      error += ids.reduce((sum, id) => sum + counts[id]! * (rows[id]![d]! - mean) ** 2, 0);
    }
  }
  return error;
}

describe('distortion curve', () => {
  it('has the error of the kd-tree with as many rows, and none for the whole table', async () => {
    const cases = fc.record({
      seed: fc.nat(),
      ids: fc.integer({ min: 1, max: 50 }),
      unseen: fc.constantFrom(0, 0.5, 1),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, ids, unseen }) => {
        const random = generator(seed);
        const teacher = Float32Array.from({ length: 2 * ids }, () => random() - 0.5);
        const counts = Uint32Array.from({ length: ids }, () => (random() < unseen ? 0 : Math.ceil(9 * random())));
        const rows = Array.from({ length: ids }, (_, id) => [teacher[2 * id]!, teacher[2 * id + 1]!]);
        const curve = await distortionCurve(teacher, 2, counts);
        const heights = Array.from({ length: 4 }, (_, k) => 4 ** k).filter((height) => height < ids);
        expect(curve.rows).toEqual([...heights, ids]);
        curve.rows.forEach((height, k) => {
          const expected = height === ids ? 0 : errorOf(rows, counts, kdTreeReference(rows, [...counts], height));
          expect(curve.errors[k]).toBeCloseTo(expected, 9);
        });
      }),
      { numRuns: 300 },
    );
  });
});

/** A table of any curve that falls. */
const table = (name: string, ids: number, falls: number[], sensitivity: number): BudgetTable => {
  const rows = Array.from({ length: 8 }, (_, k) => 2 ** k).filter((height) => height < ids);
  rows.push(ids);
  const errors = [0];
  for (let k = rows.length - 2; k >= 0; k--) errors.unshift(errors[0]! + falls[k]!);
  return { name, ids, curve: { rows, errors }, sensitivity };
};

const bytesOf = (ids: number, rows: number, dim: number) =>
  rows * dim * 4 + (rows < ids ? mappingBytes({ kind: 'table', rows, entries: new Uint32Array(ids) }, ids) : 0);

const tables = fc
  .array(
    fc.record({
      ids: fc.integer({ min: 1, max: 200 }),
      falls: fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 8, maxLength: 8 }),
      sensitivity: fc.constantFrom(0, 0.5, 1, 3),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((list) => list.map(({ ids, falls, sensitivity }, t) => table(`t${t}`, ids, falls, sensitivity)));

describe('joint budget', () => {
  it('keeps to its bytes, spends no byte in vain and gains with every more', () => {
    fc.assert(
      fc.property(
        tables,
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (list, dim, share) => {
          const least = list.reduce((sum, { ids }) => sum + Math.min(bytesOf(ids, 1, dim), bytesOf(ids, ids, dim)), 0);
          const most = list.reduce((sum, { ids }) => sum + bytesOf(ids, ids, dim), 0);
          const bytes = Math.ceil(least + share * Math.max(0, most - least));
          const plan = shareBudget(list, { bytes, dim });
          const spent = plan.reduce((sum, part) => sum + part.bytes, 0);
          expect(spent).toBeLessThanOrEqual(bytes);
          for (const [t, part] of plan.entries()) {
            expect(part.bytes).toBe(bytesOf(part.ids, part.rows, dim));
            expect(part.mappingBytes).toBe(part.bytes - part.rows * dim * 4);
            expect(part.rows).toBeGreaterThanOrEqual(1);
            expect(part.rows).toBeLessThanOrEqual(list[t]!.ids);
          }
          const errorOfAll = (parts: typeof plan) => parts.reduce((sum, { error }) => sum + error, 0);
          const richer = shareBudget(list, { bytes: bytes + 4 * dim * 10, dim });
          expect(errorOfAll(richer)).toBeLessThanOrEqual(errorOfAll(plan) + 1e-9);
          if (bytes >= most) expect(errorOfAll(plan)).toBe(0);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('no other choice of measured heights is better for the bytes of a common price', () => {
    fc.assert(
      fc.property(
        tables,
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 1e-3, max: 50, noNaN: true }),
        (list, dim, price) => {
          const options = list.map(({ ids, curve, sensitivity }) =>
            curve.rows.map((rows, k) => ({ bytes: bytesOf(ids, rows, dim), error: sensitivity * curve.errors[k]! })),
          );
          // What every table would choose by itself if a byte cost `price`: together the best for as many bytes.
          const cost = ({ bytes, error }: { bytes: number; error: number }) => error + price * bytes;
          const bytes = options.reduce((sum, own) => sum + [...own].sort((a, b) => cost(a) - cost(b))[0]!.bytes, 0);
          let choices = [{ bytes: 0, error: 0 }];
          for (const own of options) {
            choices = choices.flatMap((a) => own.map((b) => ({ bytes: a.bytes + b.bytes, error: a.error + b.error })));
          }
          const best = Math.min(...choices.filter((choice) => choice.bytes <= bytes).map(({ error }) => error));
          const plan = shareBudget(list, { bytes, dim });
          expect(plan.reduce((sum, { error }) => sum + error, 0)).toBeLessThanOrEqual(best + 1e-9);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('gives more rows to the table that needs them', () => {
    const falls = [400, 200, 100, 50, 25, 12, 6, 3];
    const [flat, steep] = shareBudget(
      [
        table(
          'flat',
          200,
          falls.map((fall) => fall / 100),
          1,
        ),
        table('steep', 200, falls, 1),
      ],
      { bytes: 2500, dim: 4 },
    );
    expect(steep!.rows).toBeGreaterThan(3 * flat!.rows);
    const [, dull] = shareBudget(
      [
        table(
          'flat',
          200,
          falls.map((fall) => fall / 100),
          1,
        ),
        table('steep', 200, falls, 0),
      ],
      { bytes: 2500, dim: 4 },
    );
    expect(dull).toMatchObject({ rows: 1, error: 0 });
  });

  it.each([
    ['at least', { bytes: 10, dim: 4 }],
    ['bytes', { bytes: Number.NaN, dim: 4 }],
    ['dim', { bytes: 1e6, dim: 0 }],
  ])('bad input: %s', (message, options) => {
    const call = () => shareBudget([table('a', 100, [1, 1, 1, 1, 1, 1, 1, 1], 1)], options);
    expect(call).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });

  it('a sensitivity that is no weight', () => {
    const call = () => shareBudget([table('a', 100, [1, 1, 1, 1, 1, 1, 1, 1], -1)], { bytes: 1e6, dim: 4 });
    expect(call).toThrow(/sensitivity of table "a"/);
  });
});
