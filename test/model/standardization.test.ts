import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Recommender, type RecommenderOptions } from '../../lib/model/recommender.ts';
import { standardizationOf, standardize } from '../../lib/model/standardization.ts';

const MOST = 3.4e38;
const values = fc.oneof(
  fc.float({ min: -1000, max: 1000, noNaN: true }),
  fc.float({ min: Math.fround(-MOST), max: Math.fround(MOST), noNaN: true }),
);

describe('standardizationOf and standardize', () => {
  it('give every column mean 0 and standard deviation 1, whatever finite float32 it holds', () => {
    const tables = fc
      .record({ columns: fc.integer({ min: 1, max: 4 }), rows: fc.integer({ min: 2, max: 60 }) })
      .chain(({ columns, rows }) =>
        fc.record({
          columns: fc.constant(columns),
          dense: fc.array(values, { minLength: columns * rows, maxLength: columns * rows }),
        }),
      );
    fc.assert(
      fc.property(tables, ({ columns, dense: list }) => {
        const dense = Float32Array.from(list);
        const standardization = standardizationOf(dense, columns);
        const to = new Float32Array(dense.length);
        standardize(dense, standardization, to);
        for (let column = 0; column < columns; column++) {
          const of = (array: Float32Array) => array.filter((_, i) => i % columns === column);
          const found = Array.from(of(to));
          const rows = found.length;
          if (new Set(of(dense)).size === 1) {
            expect(found).toEqual(Array(rows).fill(0));
            expect(standardization.scale[column]).toBe(1);
            continue;
          }
          const mean = found.reduce((sum, x) => sum + x, 0) / rows;
          const variance = found.reduce((sum, x) => sum + x * x, 0) / rows;
          expect(Math.abs(mean)).toBeLessThan(1e-5);
          expect(Math.abs(variance - 1)).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('leave a constant column at 0 and others, later, at their distance from it', () => {
    const standardization = standardizationOf(new Float32Array(1000).fill(0.1), 1);
    const to = new Float32Array(2);
    standardize(Float32Array.of(0.1, 2.1), standardization, to);
    expect(to[0]).toBe(0);
    expect(to[1]).toBeCloseTo(2, 6);
  });

  it('have statistics of no rows at all', () => {
    expect(standardizationOf(new Float32Array(0), 2)).toEqual({ mean: [0, 0], scale: [1, 1] });
  });
});

describe('a Recommender with standardization', () => {
  const options: RecommenderOptions = { features: [{ name: 'a', cardinality: 5 }], dense: 2, dim: 3 };
  const batchOf = (dense: Float32Array) => ({
    size: dense.length / 2,
    indices: Uint32Array.from({ length: dense.length / 2 }, (_, i) => i % 5),
    offsets: Uint32Array.from({ length: dense.length / 2 + 1 }, (_, i) => i),
    dense,
    labels: Float32Array.from({ length: dense.length / 2 }, (_, i) => i % 2),
  });
  const raw = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1e6 + 37 * i : 1e-3 * Math.sin(i)));

  it('is the model of the standardised inputs, in training and in prediction, and takes raw ones', () => {
    const standardization = standardizationOf(raw, 2);
    const inputs = new Float32Array(raw.length);
    standardize(raw, standardization, inputs);
    using model = new Recommender({ ...options, standardization });
    using plain = new Recommender(options);
    const given = raw.slice();
    for (let step = 0; step < 20; step++) {
      expect(model.step(batchOf(given))).toBe(plain.step(batchOf(inputs)));
    }
    expect(given).toEqual(raw);
    const [found, expected] = [new Float32Array(20), new Float32Array(20)];
    model.predict(batchOf(given), found);
    plain.predict(batchOf(inputs), expected);
    expect(found).toEqual(expected);
    expect(model.net.parameters()).toEqual(plain.net.parameters());
  });

  it.each<[object, RegExp]>([
    [{ mean: [0], scale: [1, 1] }, /array of 2 numbers, one per dense input, for mean/],
    [{ mean: [0, 0], scale: [1, 0] }, /above 0 for scale\[1\] of standardization, received 0/],
    [{ mean: [0, Number.NaN], scale: [1, 1] }, /finite number for mean\[1\]/],
    [{ mean: [0, 0], scale: '1' }, /for scale/],
    [{ mean: [0, 0], scael: [1, 1] }, /"scael" for standardization. Did you mean "scale"/],
  ])('%j is refused', (standardization, message) => {
    expect(() => new Recommender({ ...options, standardization: standardization as never })).toThrow(message);
  });
});
