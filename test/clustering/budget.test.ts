import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BudgetTable, distortionCurve, shareBudget, uniformShare } from '../../lib/clustering/budget.ts';
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
  // Worked by hand. Errors of a: 8 (1 - log16 rows) in 16 + 4 rows bytes; of b: 3 (1 - log4 rows) in 4 + 4 rows. Whole
  // tables need no mapping. Steps by error per byte: a to 2 rows (.5), b whole (.375), a to 3 rows (.29).
  const a: BudgetTable = { name: 'a', ids: 16, curve: { rows: [1, 16], errors: [8, 0] }, sensitivity: 1 };
  const b: BudgetTable = { name: 'b', ids: 4, curve: { rows: [1, 4], errors: [6, 0] }, sensitivity: 0.5 };

  it('takes the steepest steps of an example worked by hand', () => {
    const at = (rows: number) => 8 * (1 - Math.log(rows) / Math.log(16));
    const [first, second] = shareBudget([a, b], { bytes: 44, dim: 1 });
    expect(first).toMatchObject({ rows: 3, bytes: 28, mappingBytes: 16, sensitivity: 1 });
    expect(first!.error).toBeCloseTo(at(3), 12);
    expect(first!.errorPerByte).toBeCloseTo((at(3) - at(4)) / 4, 12);
    expect(second).toMatchObject({ rows: 4, bytes: 16, mappingBytes: 0, sensitivity: 0.5, error: 0, errorPerByte: 0 });
    expect(shareBudget([a, b], { bytes: 28, dim: 1 }).map(({ rows }) => rows)).toEqual([1, 1]);
    expect(shareBudget([a, b], { bytes: 32, dim: 1 }).map(({ rows }) => rows)).toEqual([2, 1]);
  });

  it('compares with one share for all', () => {
    const [size, rows] = [0.25, [4, 1]];
    expect(uniformShare([a, b], { bytes: 44, dim: 1, minRows: 0 })).toEqual({ size, rows, bytes: 40, error: 4 + 3 });
    expect(uniformShare([a, b], { bytes: 44, dim: 1, minRows: 5 })).toMatchObject({ rows: [3, 4], bytes: 44 });
    expect(uniformShare([a, b], { bytes: 80, dim: 1, minRows: 0 })).toMatchObject({ size: 1, rows: [16, 4], error: 0 });
    expect(uniformShare([a, b], { bytes: 35, dim: 1, minRows: 5 })).toBeUndefined();
  });

  it('the share is the largest that fits, and a plan at most a step worse', () => {
    fc.assert(
      fc.property(tables, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4000 }), (list, dim, bytes) => {
        const uniform = uniformShare(list, { bytes, dim, minRows: 0 });
        const rowsAt = (size: number) => list.map(({ ids }) => Math.max(1, Math.ceil(size * ids)));
        const bytesAt = (size: number) =>
          rowsAt(size).reduce((sum, rows, t) => sum + bytesOf(list[t]!.ids, rows, dim), 0);
        // Rows change at the multiples of 1 / ids only (1e-7 keeps rounding from the next); just before 1, tables with a mapping may need more than whole ones.
        const sizes = list
          .flatMap(({ ids }) => Array.from({ length: ids }, (_, k) => (k + 1 - 1e-7) / ids))
          .sort((x, y) => x - y);
        let most: number | undefined = bytesAt(1) <= bytes ? 1 : undefined;
        if (most === undefined) for (const size of sizes) if (bytesAt(size) <= bytes) most = size;
        if (most === undefined) {
          expect(uniform).toBeUndefined();
          return;
        }
        expect(uniform).toMatchObject({ rows: rowsAt(most), bytes: bytesAt(most) });
        const step = Math.max(...list.map(({ curve, sensitivity }) => sensitivity * Math.max(...curve.errors)));
        const planned = shareBudget(list, { bytes, dim }).reduce((sum, { error }) => sum + error, 0);
        expect(planned).toBeLessThanOrEqual(uniform!.error + step + 1e-9);
      }),
      { numRuns: 300 },
    );
  });

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

  // The measured heights and seven between two of them; errors fall with the logarithm of the rows.
  const choices = ({ ids, curve, sensitivity }: BudgetTable, dim: number) =>
    curve.rows.flatMap((low, k) => {
      const high = curve.rows[k + 1];
      return Array.from({ length: high === undefined ? 1 : 8 }, (_, step) => {
        const rows = high === undefined ? low : Math.round(low * (high / low) ** (step / 8));
        const share = high === undefined ? 0 : Math.log(rows / low) / Math.log(high / low);
        const error = curve.errors[k]! + share * ((curve.errors[k + 1] ?? 0) - curve.errors[k]!);
        return { bytes: bytesOf(ids, rows, dim), error: sensitivity * error };
      });
    });

  it('no other choice of heights is better for the bytes of a common price', () => {
    fc.assert(
      fc.property(
        tables,
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 1e-3, max: 50, noNaN: true }),
        (list, dim, price) => {
          const options = list.map((one) => choices(one, dim));
          // What every table would choose by itself if a byte cost `price`: together the best for as many bytes.
          const cost = ({ bytes, error }: { bytes: number; error: number }) => error + price * bytes;
          const bytes = options.reduce((sum, own) => sum + [...own].sort((a, b) => cost(a) - cost(b))[0]!.bytes, 0);
          // Of the first tables together: the least error for every number of bytes.
          let together = new Map([[0, 0]]);
          for (const own of options) {
            const next = new Map<number, number>();
            for (const [spent, error] of together) {
              for (const choice of own) {
                const sum = spent + choice.bytes;
                if (sum > bytes) continue;
                next.set(sum, Math.min(next.get(sum) ?? Number.POSITIVE_INFINITY, error + choice.error));
              }
            }
            together = next;
          }
          const best = Math.min(...together.values());
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
