import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differByBytes, isBestForBytes } from '../../lib/compare/by_bytes.ts';
import { aggregate } from '../../lib/compare/statistics.ts';
import { result } from '../report/comparison.ts';

const bytes = (total: number) => ({ rows: total, mapping: 0, optimizer: 0, total });
const run = (method: string, size: number, total: number, auc: number, seed = 1) =>
  result({ method, size, seed, auc, logLoss: 1 - auc, bytes: bytes(total) });

describe('differByBytes', () => {
  const modulo = [run('modulo', 0.1, 100, 0.7), run('modulo', 0.2, 400, 0.74), run('full', 1, 1600, 0.8)];

  it('takes the figure of the baseline at the bytes of the method, on a line over the logarithm of bytes', () => {
    const at = (total: number) =>
      differByBytes([...modulo, run('learned', 0.1, total, 0.75)], 'learned', 'modulo', 0.1)!;
    expect(at(100).auc.mean).toBeCloseTo(0.05, 12);
    expect(at(200).auc.mean).toBeCloseTo(0.75 - 0.72, 12); // half way from 100 to 400
    expect(at(400).auc.mean).toBeCloseTo(0.01, 12);
    expect(at(800).auc.mean).toBeCloseTo(0.75 - 0.77, 12); // half way to the full table
    expect(at(200).logLoss.mean).toBeCloseTo(-0.03, 12);
    expect(at(200).lost!.mean).toBeCloseTo(0.08, 12);
    expect([at(100).times, at(200).times, at(200).comparable]).toEqual([1, 2, true]);
  });

  it('claims nothing where no baseline has as many bytes', () => {
    const found = differByBytes([...modulo, run('learned', 0.1, 1700, 0.75)], 'learned', 'modulo', 0.1)!;
    expect(found).toMatchObject({ times: 17, comparable: false });
    expect(found.auc.mean).toBeCloseTo(0.05, 12); // at the same share of rows
    const alone = [run('modulo', 0.1, 100, 0.7), run('learned', 0.1, 130, 0.75)];
    expect(differByBytes(alone, 'learned', 'modulo', 0.1)).toMatchObject({ times: 1.3, comparable: false });
    const fewer = [run('modulo', 0.1, 100, 0.7), run('learned', 0.1, 90, 0.75)];
    expect(differByBytes(fewer, 'learned', 'modulo', 0.1)).toMatchObject({ times: 0.9, comparable: true });
  });

  it('goes seed by seed, over the seeds that both have', () => {
    const results = [
      ...[1, 2, 3].flatMap((seed) => modulo.map((r) => ({ ...r, seed, auc: r.auc + seed / 100 }))),
      ...[2, 3, 4].map((seed) => run('learned', 0.1, 200, 0.73 + seed / 100, seed)),
    ];
    const { auc } = differByBytes(results, 'learned', 'modulo', 0.1)!;
    expect([auc.n, auc.sd]).toEqual([2, expect.closeTo(0, 12)]);
    expect(auc.mean).toBeCloseTo(0.01, 12);
    expect(differByBytes(results, 'learned', 'modulo', 0.2)).toBe(undefined);
  });

  it('sees no difference between the baseline and itself, whatever its sizes', () => {
    const sizes = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sizes, fc.nat(4), (list, pick) => {
        const own = list.map((size) => run('modulo', size / 100, 10 * size, 0.5 + size / 500));
        const size = list[pick % list.length]! / 100;
        const copy = { ...own.find((r) => r.size === size)!, method: 'copy' };
        const found = differByBytes([...own, copy], 'copy', 'modulo', size)!;
        expect(found).toMatchObject({ times: 1, comparable: true, auc: { mean: 0 }, logLoss: { mean: 0 } });
      }),
    );
  });
});

describe('isBestForBytes', () => {
  it('holds for what nothing of as few bytes beats', () => {
    const groups = aggregate([
      run('full', 1, 1600, 0.78),
      run('modulo', 0.1, 100, 0.7),
      run('frequent', 0.1, 110, 0.69),
      run('learned', 0.1, 130, 0.75),
      run('modulo', 0.2, 200, 0.74),
      run('learned', 0.2, 1700, 0.77),
    ]);
    const best = (metric: 'auc' | 'logLoss') =>
      groups.filter((group) => isBestForBytes(group, groups, metric)).map(({ method, size }) => `${method} ${size}`);
    expect(best('auc')).toEqual(['full 1', 'modulo 0.1', 'learned 0.1']);
    expect(best('logLoss')).toEqual(best('auc'));
  });

  it('is never said of a mean that does not exist, and of only one of equals', () => {
    const nothing = aggregate([run('modulo', 0.1, 100, Number.NaN)]);
    expect(isBestForBytes(nothing[0]!, nothing, 'auc')).toBe(false);
    const equals = aggregate([run('modulo', 0.1, 100, 0.7), run('learned', 0.1, 130, 0.7)]);
    expect(equals.map((group) => isBestForBytes(group, equals, 'auc'))).toEqual([true, false]);
  });
});
